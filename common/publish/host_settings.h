/* Settings of the host beside the rules, that records need: who switched them on, and when they go back. */
#ifndef NM_PUBLISH_HOST_SETTINGS_H
#define NM_PUBLISH_HOST_SETTINGS_H

#include "host/netlink.h"
#include "input/config.h"
#include "state/state.h"

/* Switches forwarding on in the families where the configuration says "set". It is never switched off again.
 */
int nm_host_settings_enable_forwarding(
	const struct nm_config *c, unsigned families, struct nm_err *err) NM_MUST_USE;

/* What nm_host_settings_examine() keeps between many records. Begins as NM_HOST_SETTINGS_VIEW. */
struct nm_host_settings_view {
	struct nm_netlink rtnl;     /* opened when it is needed */
	char localnet[IF_NAMESIZE]; /* the interface looked at last, ... */
	int value;                  /* ... and its route_localnet */
};

#define NM_HOST_SETTINGS_VIEW \
	{                     \
		.rtnl.fd = -1 \
	}

void nm_host_settings_view_done(struct nm_host_settings_view *view);
#define nm_autohostsettings NM_CLEANUP(nm_host_settings_view_done)

/* Sets localnet_set and hairpin_set of the record where what it needs is off, so that natmap has to switch it
 * on. Under the lock, since another hook may just have switched it off. */
int nm_host_settings_examine(
	struct nm_host_settings_view *view, struct nm_record *r, struct nm_err *err) NM_MUST_USE;

/* Clears localnet of the record when this interface is gone. */
void nm_host_settings_forget_gone(struct nm_record *r);

/* Fails when nm_host_settings_enable() would, as far as can be told before the rules are written. */
int nm_host_settings_can_enable(const struct nm_record *r, struct nm_err *err) NM_MUST_USE;

/* Switches on what the record has as localnet_set and hairpin_set. The guard rules must stand already. */
int nm_host_settings_enable(const struct nm_record *r, struct nm_err *err) NM_MUST_USE;

/* Clears localnet, or bridge_port, of every replaced record where one of the peers, or the new record (may be
 * NULL), still needs the interface: what remains in the replaced records goes. Each backend has a guard of
 * its own for route_localnet: when only records of the other one need it, clears localnet_set alone. -1 with
 * *err (memory). */
int nm_host_settings_keep_shared(struct nm_records *replaced, const struct nm_records *peers,
	const struct nm_record *new, struct nm_err *err) NM_MUST_USE;

/* Switches route_localnet off where replaced says that natmap switched it on; before the guard rules go.
 * Interfaces that are gone are passed over. Another failure is a notice, and clears the record's localnet:
 * its guard must stay then. */
void nm_host_settings_disable_localnet(struct nm_records *replaced);

/* Switches it on again where nm_host_settings_disable_localnet() has switched it off. A failure is a notice.
 */
void nm_host_settings_restore_localnet(const struct nm_records *replaced);

/* Switches hairpin mode off likewise. A failure is a notice. */
void nm_host_settings_disable_hairpin(const struct nm_records *replaced);

#endif
