/* What the kernel tells of a container's interfaces, addresses and routes: names are the container's. */
#include <linux/rtnetlink.h>

#include "host/route.h"
#include "host/rtnl.h"
#include "replies.h"

static int take(void *ctx, unsigned ifindex, struct nm_err *err)
{
	(void)ctx;
	(void)ifindex;
	(void)err;
	return 0;
}

static void ask(struct nm_netlink *nl, unsigned what)
{
	static const struct nm_addr address = {NM_IPV4, {10, 88, 7, 2}};
	struct nm_rtnl_addresses addresses = {0};
	struct nm_rtnl_links links = {0};
	struct nm_rtnl_link link;
	struct nm_route route;
	unsigned ifindex;
	struct nm_err err;

	switch (what % 5) {
	case 0:
		(void)!nm_rtnl_get_links(nl, &links, &err);
		nm_rtnl_links_done(&links);
		break;
	case 1:
		(void)!nm_rtnl_get_addresses(nl, &addresses, &err);
		nm_rtnl_addresses_done(&addresses);
		break;
	case 2:
		(void)!nm_rtnl_get_link(nl, 1, NULL, &link, &err);
		break;
	case 3:
		(void)!nm_route_lookup(nl, &address, &route, &err);
		break;
	default:
		(void)!nm_route_default(nl, NM_IPV6, &ifindex, &err);
		(void)!nm_route_each_default(nl, NM_IPV4, take, NULL, &err);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t types[] = {RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE};
	struct kernel k;

	if (!size || !replies_open(&k, types, sizeof(types) / sizeof(*types), data + 1, size - 1))
		return 0;
	ask(&k.nl, data[0]);
	kernel_close(&k);
	return 0;
}
