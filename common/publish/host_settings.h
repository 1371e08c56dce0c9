/* Forwarding, route_localnet and hairpin mode: settings of the host that published ports need. */
#ifndef NM_PUBLISH_HOST_SETTINGS_H
#define NM_PUBLISH_HOST_SETTINGS_H

#include "host/netlink.h"
#include "input/config.h"
#include "state/state.h"

/* Switches forwarding on in the families for which the configuration says "set", for good; also on the
 * interface towards a container, if via is not NULL and has one for IPv4. Notes beside the state what it
 * switches on for all interfaces. */
int nm_host_settings_enable_forwarding(const struct nm_config *c, const struct nm_state *st,
	unsigned families, const char (*via)[IF_NAMESIZE], struct nm_err *err) NM_MUST_USE;

/* The families in which natmap has done so since the last flush. */
unsigned nm_host_settings_forwarding_set(const struct nm_state *st);

/* True when they forward that the function above would switch on. */
bool nm_host_settings_forwards(const struct nm_config *c, unsigned families);

/* What is kept from one record to the next. Begins as NM_HOST_SETTINGS_VIEW. */
struct nm_host_settings_view {
	struct nm_netlink rtnl;     /* nm_host_settings_open() */
	char localnet[IF_NAMESIZE]; /* the last interface */
	int value;                  /* its route_localnet */
	char found[IF_NAMESIZE];    /* the last interface that was there */
	unsigned found_index;       /* its number */
};

#define NM_HOST_SETTINGS_VIEW \
	{                     \
		.rtnl.fd = -1 \
	}

void nm_host_settings_view_done(struct nm_host_settings_view *view);
#define nm_autohostsettings NM_CLEANUP(nm_host_settings_view_done)

/* Opens view->rtnl unless it is open. */
int nm_host_settings_open(struct nm_host_settings_view *view, struct nm_err *err) NM_MUST_USE;

/* Sets *ret_there to whether the record's localnet is the name of its interface still, and completes a record
 * that does not know the interface's number. */
int nm_host_settings_find_localnet(struct nm_host_settings_view *view, struct nm_record *r, bool *ret_there,
	struct nm_err *err) NM_MUST_USE;

/* Sets localnet_set and hairpin_set of the record to whether it needs the setting and the host has it off.
 * bridge_port becomes the port's new name if it has been renamed; one made anew under its name is the port.
 * Call it under the lock: another hook may switch the setting off before. */
int nm_host_settings_examine(
	struct nm_host_settings_view *view, struct nm_record *r, struct nm_err *err) NM_MUST_USE;

/* Clears localnet of the record if that interface is gone. */
void nm_host_settings_forget_gone(struct nm_record *r);

/* Fails if nm_host_settings_enable() would certainly fail. */
int nm_host_settings_can_enable(const struct nm_record *r, struct nm_err *err) NM_MUST_USE;

/* Switches on the settings that the record needs. The guard rules must be in the kernel. */
int nm_host_settings_enable(const struct nm_record *r, struct nm_err *err) NM_MUST_USE;

/* r shares the duty to switch a setting off that natmap has switched on for one of the others. */
void nm_host_settings_inherit(struct nm_record *r, const struct nm_records *others);

/* Clears localnet and bridge_port of each replaced record where a peer or the new record (may be NULL) also
 * needs the interface. The replaced records then name only what may be switched off. Each backend has its own
 * guard for route_localnet: if only records of the other backend need it, clears localnet_set alone. -1 with
 * *err (memory). */
int nm_host_settings_keep_shared(struct nm_records *replaced, const struct nm_records *peers,
	const struct nm_record *new, struct nm_err *err) NM_MUST_USE;

/* Switches route_localnet off where natmap switched it on for a replaced record; call it before the guard
 * rules go. Finds one that has been renamed, and passes over one that is gone. Any other failure is a notice,
 * and clears the record's localnet, because its guard must stay: false then. */
bool nm_host_settings_disable_localnet(struct nm_records *replaced);

/* Undoes nm_host_settings_disable_localnet(). A failure is a notice. */
void nm_host_settings_reenable_localnet(const struct nm_records *replaced);

/* Switches hairpin mode off where natmap switched it on for a replaced record. A failure is a notice, and
 * sets the record's hairpin_stays: it must not be retired, so that who withdraws it the next time tries
 * again. False then. */
bool nm_host_settings_disable_hairpin(struct nm_records *replaced);

/* -1 with *err when one of them has hairpin_stays. */
int nm_host_settings_hairpin_is_off(const struct nm_records *replaced, struct nm_err *err) NM_MUST_USE;

#endif
