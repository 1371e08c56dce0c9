/* Others who have a port already, in nf_tables: asked before it is published. */
#ifndef NM_PUBLISH_CONFLICT_H
#define NM_PUBLISH_CONFLICT_H

#include "publish/change.h"

/*
 * By conflict_check, fails with NM_ERR_TAKEN when rules of others would translate a port of the new record
 * before natmap does, or tells of it in a notice. What drops its packets, or ends NAT before natmap's rules,
 * is a notice. Reads the chains of nf_tables, and all rules only if one that counts has some of others.
 */
int nm_conflict_check(struct nm_change *change, const struct nm_claim *claim, const struct nm_config *c,
	struct nm_err *err) NM_MUST_USE;

#endif
