/* Static NAT entries, as in "static" of the configuration. Pure. */
#ifndef NM_MODEL_STATIC_NAT_H
#define NM_MODEL_STATIC_NAT_H

#include <net/if.h>

#include "model/mapping.h"
#include "model/rule.h"

enum nm_static_kind { NM_STATIC_DNAT, NM_STATIC_SNAT, NM_STATIC_HAIRPIN, NM_STATIC_KIND_MAX };

#define NM_STATICS_MAX      1024 /* in one configuration */
#define NM_STATIC_PORTS_MAX 256  /* ports and ranges of one of them */

/* All addresses are of one family. Strings and ports are owned. */
struct nm_static_nat {
	enum nm_static_kind kind;
	char *name;
	char *owner; /* "@dnat/NAME": nm_rule.owner of its rules */
	enum nm_family family;
	bool has_external; /* false in some NM_STATIC_DNAT only: any address of the host */
	struct nm_addr external;
	char interface[IF_NAMESIZE]; /* "": any */
	struct nm_prefix internal;   /* NM_STATIC_SNAT: address or network; else a whole address */
	uint8_t protocol;            /* unless NM_STATIC_SNAT, like the ports */
	struct nm_ports *ports;
	size_t n_ports;
	bool has_lan; /* NM_STATIC_HAIRPIN */
	struct nm_prefix lan;
};

struct nm_static_nats {
	struct nm_static_nat *v; /* owned */
	size_t n, capacity;
};

void nm_static_nats_done(struct nm_static_nats *s);

/* "dnat", "snat", "hairpin". */
const char *nm_static_nat_kind_name(enum nm_static_kind kind);

/* True when both have a port in common, whatever their protocols. */
bool nm_static_nat_ports_intersect(const struct nm_static_nat *a, const struct nm_static_nat *b);

/* True when a packet to the host could match both. */
bool nm_static_nat_overlaps(const struct nm_static_nat *s, const struct nm_mapping *m);

/* 0, or NM_ERR_TAKEN with the names of both when a mapping overlaps a static rule. */
int nm_static_nats_check_conflict(
	const struct nm_static_nats *s, const struct nm_mappings *m, struct nm_err *err) NM_MUST_USE;

#define NM_STATIC_STRLEN 4096
/* Prints it for people: "203.0.113.43:25,8000-8010/tcp on eth0 -> 10.10.10.101", "10.10.10.0/24 on eth0 as
 * 203.0.113.43", "10.10.10.0/24 via 203.0.113.43:25/tcp -> 10.10.10.101". Returns buf. */
const char *nm_static_nat_print(const struct nm_static_nat *s, char buf[static NM_STATIC_STRLEN]);

#endif
