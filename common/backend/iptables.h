/* The iptables backend: rules in iptables' tables. */
#ifndef NM_BACKEND_IPTABLES_H
#define NM_BACKEND_IPTABLES_H

#include "backend/backend.h"

extern const struct nm_backend_ops nm_backend_iptables;

#endif
