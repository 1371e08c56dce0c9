/* Names of the backends. */
#include "model/backend.h"

#include <string.h>

static const char *const names[NM_BACKEND_MAX] = {
	[NM_BACKEND_IPTABLES] = "iptables",
	[NM_BACKEND_NFTABLES] = "nftables",
};

const char *nm_backend_name(enum nm_backend backend)
{
	return names[backend];
}

enum nm_backend nm_backend_other(enum nm_backend backend)
{
	return backend == NM_BACKEND_IPTABLES ? NM_BACKEND_NFTABLES : NM_BACKEND_IPTABLES;
}

bool nm_backend_parse(const char *name, enum nm_backend *ret)
{
	for (enum nm_backend b = 0; b < NM_BACKEND_MAX; b++)
		if (!strcmp(name, names[b])) {
			*ret = b;
			return true;
		}
	return false;
}
