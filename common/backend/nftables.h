/* The nftables backend: elements of sets, and rules, in tables of natmap's own. */
#ifndef NM_BACKEND_NFTABLES_H
#define NM_BACKEND_NFTABLES_H

#include "backend/backend.h"

extern const struct nm_backend_ops nm_backend_nftables;

#endif
