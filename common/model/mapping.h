/* Port mappings, as in io.natmap.ports: parsing, printing, comparing. Pure. */
#ifndef NM_MODEL_MAPPING_H
#define NM_MODEL_MAPPING_H

#include "base/addr.h"
#include "base/port.h"

/* Host ports host_port .. host_port + count - 1 go to container_port .. container_port + count - 1. */
struct nm_mapping {
	unsigned families;   /* NM_IPV4_BIT | NM_IPV6_BIT: both for a wildcard, one otherwise */
	bool any_host;       /* every local address of these families */
	struct nm_addr host; /* the host address unless any_host */
	uint8_t protocol;    /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
	uint16_t host_port;  /* 0: to be chosen */
	/* what host_port is, or has been, chosen from; 0, 0: dynamic_ports, or it was given */
	struct nm_ports pool;
	uint16_t container_port;
	uint16_t count; /* at least 1 */
};

struct nm_mappings {
	struct nm_mapping *v; /* owned */
	size_t n, capacity;
};

#define NM_MAPPINGS_MAX   1024 /* in one container; policy.max_ports bounds the ports */
#define NM_MAPPING_STRLEN (NM_ADDR_STRLEN + 32)

/*
 * Parses a comma-separated list of
 *     [HOST_IP:]HOST_PORT[-END]:CONTAINER_PORT[-END][/PROTOCOL]
 * where PORT[-END] alone stands for PORT[-END]:PORT[-END], and a range of host ports for one container port
 * is a pool: one of them is to be chosen. HOST_IP is an IPv4 address or an IPv6 address in
 * brackets; 0.0.0.0 and [::] are the wildcard of their family, no HOST_IP that of both. PROTOCOL is tcp
 * (default), udp or sctp, in upper or lower case. Host port 0, not in a range, asks for a free one. Blanks
 * are allowed around commas and at both ends; a mapping that is there twice counts once. Refused with
 * NM_ERR_REFUSED naming the offending element: anything else, a host address that cannot be published on
 * (multicast, broadcast, link-local, IPv4-mapped,
 * ::1), and two mappings of the list that overlap. 0 with *ret owned by the caller, or -1 with *err.
 */
int nm_mappings_parse(const char *text, struct nm_mappings *ret, struct nm_err *err) NM_MUST_USE;

void nm_mappings_done(struct nm_mappings *m); /* accepts NULL */
#define nm_automappings NM_CLEANUP(nm_mappings_done)

/* Prints the canonical form, that nm_mappings_parse() reads back to the same mapping, into buf, which is also
 * returned: "8080:80/tcp", "192.0.2.1:8000-8010:80-90/udp", "[::]:53:53/udp"; with a pool that nothing has
 * been chosen from, "8000-8010:80/tcp". */
const char *nm_mapping_print(const struct nm_mapping *m, char buf[static NM_MAPPING_STRLEN]);

/* Prints all of them, separated by blanks and cut at size, into buf, which is also returned. */
const char *nm_mappings_print(const struct nm_mappings *m, char *buf, size_t size);

/* True when a packet to the host could match both. Host port 0 overlaps nothing. */
bool nm_mapping_overlaps(const struct nm_mapping *a, const struct nm_mapping *b);

/* A host port that has been chosen is as good as one that was given. */
bool nm_mapping_equal(const struct nm_mapping *a, const struct nm_mapping *b);

/* "tcp", "udp", "sctp"; "?" for another IPPROTO_*. */
const char *nm_mapping_protocol_name(uint8_t protocol);

/* Parses such a name (len bytes, upper or lower case). 0, or -1 for anything else. */
int nm_mapping_protocol_parse(const char *text, size_t len, uint8_t *ret) NM_MUST_USE;

#endif
