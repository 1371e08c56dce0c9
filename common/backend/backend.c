#include "backend/backend.h"

#include "backend/iptables.h"
#include "backend/nftables.h"

const struct nm_backend_ops *nm_backend_ops(enum nm_backend backend)
{
	static const struct nm_backend_ops *const all[NM_BACKEND_MAX] = {
		[NM_BACKEND_IPTABLES] = &nm_backend_iptables,
		[NM_BACKEND_NFTABLES] = &nm_backend_nftables,
	};

	return all[backend];
}
