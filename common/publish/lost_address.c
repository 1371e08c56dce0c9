/* The namespace is not entered: the right to do so has been given up when the state is locked. */
#include "publish/lost_address.h"

#include "publish/policy.h"

unsigned nm_lost_address_among(
	const struct nm_rtnl_addresses *all, const struct nm_record *r, const struct nm_policy *policy)
{
	unsigned lost = 0;

	nm_each_family(f, r->families & ~r->network.families)
		if (!nm_rtnl_find_address(all, &r->address[f].addr) &&
			!nm_policy_allows_address(policy, &r->address[f].addr))
			lost |= 1u << f;
	return lost;
}

int nm_lost_address_find(struct nm_netlink *rtnl, const struct nm_record *r, const struct nm_policy *policy,
	unsigned *ret, struct nm_err *err)
{
	NM_CLEANUP(nm_rtnl_addresses_done) struct nm_rtnl_addresses all = {0};

	*ret = 0;
	if (!r->pid || !(r->families & ~r->network.families))
		return 0;
	if (nm_rtnl_get_addresses_of(rtnl, r->pid, &all, err) < 0)
		return -1;
	*ret = nm_lost_address_among(&all, r, policy);
	return 0;
}
