/* Others who have a port already, in nf_tables: asked before it is published. */
#ifndef NM_PUBLISH_CONFLICT_H
#define NM_PUBLISH_CONFLICT_H

#include "publish/change.h"

/*
 * By conflict_check, fails with NM_ERR_TAKEN when rules of others would translate a port of the new record
 * before natmap does, or tells of it in a notice. What drops its packets, or ends NAT before natmap's rules,
 * is a notice. A port that was chosen (publish/free_port.h) and is translated is no failure, but added to
 * passed, with *ret_again set, unless passed is NULL: another one can be chosen. Reads the chains of
 * nf_tables, and all rules only if one that counts has some of others.
 */
int nm_conflict_check(struct nm_change *change, const struct nm_claim *claim, const struct nm_config *c,
	struct nm_port_set *passed, bool *ret_again, struct nm_err *err) NM_MUST_USE;

#endif
