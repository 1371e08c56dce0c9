/* Sockets of local processes, which anybody may open. */
#include <netinet/in.h>

#include <linux/sock_diag.h>

#include "host/listener.h"
#include "replies.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t types[] = {SOCK_DIAG_BY_FAMILY};
	static const struct nm_rtnl_addresses hidden;
	struct nm_mapping mapping = {.families = NM_BOTH_FAMILIES,
		.any_host = true,
		.protocol = IPPROTO_TCP,
		.host_port = 8080,
		.container_port = 80,
		.count = 1};
	struct nm_listener listener;
	uint64_t hash = 0;
	struct nm_err err;
	struct kernel k;

	if (!size || !replies_open(&k, types, 1, data + 1, size - 1))
		return 0;
	mapping.protocol = data[0] & 1 ? IPPROTO_UDP : IPPROTO_TCP;
	mapping.count = data[0] & 2 ? 1000 : 1;
	if (data[0] & 4)
		(void)!nm_listener_fingerprint(&k.nl, &hash, &err);
	else
		(void)!nm_listener_find(&k.nl, &mapping, data[0] & 8 ? NULL : &hidden, &listener, &err);
	kernel_close(&k);
	return 0;
}
