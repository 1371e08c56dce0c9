/* Forwarding on those interfaces alone that need it: which these are, their guards, and their settings. */
#ifndef NM_PUBLISH_FORWARD_SWITCH_H
#define NM_PUBLISH_FORWARD_SWITCH_H

#include "backend/desired.h"
#include "input/config.h"
#include "model/static_nat.h"
#include "network/attach.h"
#include "state/forwarded.h"

/* What a change needs. Families: NM_IPV4_BIT, NM_IPV6_BIT. */
struct nm_forward_need {
	unsigned active;  /* those in which natmap is to switch it on */
	unsigned kept;    /* of the others, those in which it stays as it is */
	unsigned statics; /* of the active ones, those in which static NAT needs it */
	enum nm_backend backend;
	const char (*via)[IF_NAMESIZE];   /* for each family, another interface that needs it; NULL: none */
	const struct nm_records *leaving; /* whose bridges need it no longer, and go; NULL: none */
	struct nm_attach_others staying;
};

/* Begins as zeros. */
struct nm_forward_switch {
	struct nm_forwarded old, desired;
	bool loaded;     /* old is read already */
	bool renewed;    /* guards and settings of all desired ones are to be made */
	unsigned global; /* families of both in which all interfaces forward: somebody else wants it so */
};

void nm_forward_switch_done(struct nm_forward_switch *s);

/* The families in which the configuration says "interfaces". */
unsigned nm_forward_switch_families(const struct nm_config *c);

/* Fails if forwarding certainly cannot be switched on towards the container of a new record. */
int nm_forward_switch_check(
	const struct nm_config *c, const struct nm_record *r, struct nm_err *err) NM_MUST_USE;

/* Reads s->old, unless that has been done. */
int nm_forward_switch_load(
	struct nm_forward_switch *s, const struct nm_state *st, struct nm_err *err) NM_MUST_USE;

/*
 * Reads into s->old what natmap has switched on, and into s->desired what the change needs: in an active
 * family all interfaces with an address that do not forward, and those that natmap has switched on already,
 * by their names of now. Nothing where all interfaces forward. Changes nothing. 0, or -1 with *err.
 */
int nm_forward_switch_plan(struct nm_forward_switch *s, const struct nm_state *st,
	const struct nm_forward_need *need, struct nm_err *err) NM_MUST_USE;

/* Appends the guards of the desired interfaces, and those that are to go. They borrow from s and statics. */
int nm_forward_switch_add_guards(const struct nm_forward_switch *s, const struct nm_static_nats *statics,
	struct nm_desired *d, struct nm_err *err) NM_MUST_USE;
int nm_forward_switch_add_old_guards(
	const struct nm_forward_switch *s, struct nm_desired *d, struct nm_err *err) NM_MUST_USE;

/* True when all is as the change needs it: nothing to record, and every desired interface forwards. Without
 * guards: those may be missing. */
bool nm_forward_switch_is_settled(const struct nm_forward_switch *s);

/* The families of both. */
unsigned nm_forward_switch_guarded(const struct nm_forward_switch *s);

/*
 * The steps of a change, in this order: record all; switch off what is not desired, where others have not
 * switched forwarding on since; then the guards are changed; switch on; record the rest. What cannot be
 * switched off becomes a desired one, with a notice, because its guard must stay. After a failure undo()
 * makes settings and record what they were.
 */
int nm_forward_switch_record(
	const struct nm_forward_switch *s, const struct nm_state *st, struct nm_err *err) NM_MUST_USE;
int nm_forward_switch_disable(struct nm_forward_switch *s, struct nm_err *err) NM_MUST_USE;
int nm_forward_switch_enable(const struct nm_forward_switch *s, struct nm_err *err) NM_MUST_USE;
void nm_forward_switch_settle(const struct nm_forward_switch *s, const struct nm_state *st);
void nm_forward_switch_undo(const struct nm_forward_switch *s, const struct nm_state *st);

#endif
