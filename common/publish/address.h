/* Which addresses of the container are published: annotated, on record, or found in its namespace. */
#ifndef NM_PUBLISH_ADDRESS_H
#define NM_PUBLISH_ADDRESS_H

#include "host/path.h"
#include "input/config.h"
#include "input/oci_state.h"
#include "state/record.h"

/* What an address is chosen from, all of it borrowed. */
struct nm_address_source {
	const struct nm_oci_state *st;
	const struct nm_config *config;
	const struct nm_record *known; /* the container's newest record; NULL: none */
	struct nm_netns *ns;     /* NULL: there is no process; the administrator has given the address */
	struct nm_netlink *rtnl; /* of the host */
};

/* An address that has been chosen. */
struct nm_address_choice {
	struct nm_route route;    /* the host's to it */
	unsigned ifindex;         /* of the interface that carries it, inside the container; 0: unknown */
	struct nm_rtnl_link port; /* nm_path_find() */
};

/*
 * Sets families and address of r, which has pid and mappings. An address on record that the container still
 * has, or policy.address, stays. Else, unless one is annotated: the first of nm_netns_each_address() to which
 * the host's route leads into the container (host/path.h), or that policy.address has. Prefix lengths are at
 * least the route's. Of an address that stays for other mappings than those of r only the address is known.
 * Leaves out, with a notice, a family that only wildcards cover and that has no such address. 0 with ret, or
 * -1 with *err when policy or routes do not allow the address, or a mapping needs one that the container
 * lacks.
 */
int nm_address_choose(const struct nm_address_source *source, struct nm_record *r,
	struct nm_address_choice ret[static NM_FAMILY_MAX], struct nm_err *err) NM_MUST_USE;

/*
 * The same for r, a copy of source->known, whose container's addresses may have changed: an address that the
 * container still has stays as it is; in the other families of known, held ones too, r gets the address that
 * nm_address_choose() would find, or that on record if it is fixed, or r->held has the family. ret: of
 * addresses that are new.
 */
int nm_address_renew(const struct nm_address_source *source, struct nm_record *r,
	struct nm_address_choice ret[static NM_FAMILY_MAX], struct nm_err *err) NM_MUST_USE;

/* Drops the families of r that no mapping covers, but for those of natmap's network. NM_ERR_REFUSED when a
 * mapping covers no family of r. */
int nm_address_keep_families(struct nm_record *r, struct nm_err *err) NM_MUST_USE;

#endif
