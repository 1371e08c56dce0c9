/* The recorded containers, dead and live, the rules and settings that live ones need, and the change that
 * acts on them. */
#ifndef NM_INVENTORY_INVENTORY_H
#define NM_INVENTORY_INVENTORY_H

#include "backend/desired.h"
#include "inventory/networks.h"
#include "publish/change.h"
#include "publish/forward_switch.h"

struct nm_inventory {
	struct nm_config *config; /* borrowed; NULL: there is none */
	bool removes;             /* what the dead ones alone need of the host goes with them */
	struct nm_change change;
	struct nm_records dead;           /* their processes are gone */
	struct nm_records live;           /* brought in line with the configuration and the host */
	bool *changed;                    /* for each live one: differs from its record in the state */
	struct nm_records moved;          /* what nm_moved_find() has found, and planned: as it was taken */
	struct nm_networks networks;      /* what they lacked before the lock */
	bool *needs_enable;               /* for each live one: a setting that it needs is off */
	struct nm_records superseded;     /* outdated records of live containers */
	struct nm_forward_switch forward; /* what natmap switches on, and its guards */
	struct nm_desired desired;        /* of the live ones, static NAT, and what all share */
	bool has_other_rules; /* a live one needs others than its record has handles of; these are unknown */
	bool agrees;          /* the kernel has the desired rules; then these are not listed in desired */
	struct nm_verified verified;
};

#define NM_INVENTORY_INIT                \
	{                                \
		.change = NM_CHANGE_INIT \
	}

/* Begins and connects the change, with nothing in the inventory. */
int nm_inventory_open(struct nm_inventory *s, const char *state_dir, enum nm_state_access access,
	struct nm_err *err) NM_MUST_USE;

/* The same, settles the backend of the configuration, and takes the inventory. */
int nm_inventory_begin(struct nm_inventory *s, const char *state_dir, enum nm_state_access access,
	struct nm_err *err) NM_MUST_USE;

/* Settles the backend, and takes the inventory, of one that is open. */
int nm_inventory_settle(struct nm_inventory *s, struct nm_err *err) NM_MUST_USE;

/* Distributes these records, which become empty, over dead, live and superseded. */
int nm_inventory_add(struct nm_inventory *s, struct nm_records *all, struct nm_err *err) NM_MUST_USE;

/* Reads all records of the state, if there is one, into dead, live and superseded. */
int nm_inventory_take(struct nm_inventory *s, struct nm_err *err) NM_MUST_USE;

/*
 * Fails when a reload or flush could remove the rules of containers that the state has lost: it has damaged
 * lines, or no line while the kernel has rules of containers. forced: accepts that. Always fails for a state
 * of another PID namespace.
 */
int nm_inventory_check_state(struct nm_inventory *s, bool forced, struct nm_err *err) NM_MUST_USE;

/* Fills in the rest by the configuration: what records and settings need, and unless s->agrees what is
 * desired of the rules. */
int nm_inventory_plan(struct nm_inventory *s, struct nm_err *err) NM_MUST_USE;

/* Fills in what nm_inventory_plan() has left out, and clears s->agrees. */
int nm_inventory_plan_rules(struct nm_inventory *s, struct nm_err *err) NM_MUST_USE;

/* Records live containers again whose localnet has been renamed, so that the former record is superseded. */
int nm_inventory_follow_renamed(
	struct nm_inventory *s, const struct nm_layout_options *options, struct nm_err *err) NM_MUST_USE;

/* Families of the live containers and of static NAT. */
unsigned nm_inventory_families(const struct nm_inventory *s);

/* Those of them in which packets must be forwarded. */
unsigned nm_inventory_forwards(const struct nm_inventory *s);

/* Forgets all but the configuration and the change. */
void nm_inventory_clear(struct nm_inventory *s);

/* Ends the change, too. */
void nm_inventory_done(struct nm_inventory *s);

#endif
