/* Entries of the connection tracking table, whose ports and addresses clients choose. */
#include <netinet/in.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "host/conntrack.h"
#include "replies.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t types[] = {NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW};
	static const struct nm_flow flows[] = {
		{NM_FLOW_TO_CONTAINER, NM_IPV4, IPPROTO_UDP, 8000, 20, true,
			.container = {NM_IPV4, {10, 88, 7, 2}}, .container_port = 80},
		{NM_FLOW_FROM_CONTAINER, NM_IPV6, IPPROTO_TCP, 53, 1, true, .container = {NM_IPV6, {0xfd}},
			.container_port = 53},
	};
	unsigned deleted;
	struct nm_err err;
	struct kernel k;

	if (!replies_open(&k, types, 1, data, size))
		return 0;
	(void)!nm_conntrack_delete(k.nl.fd, flows, sizeof(flows) / sizeof(*flows), &deleted, &err);
	kernel_close(&k);
	return 0;
}
