/* Port numbers, ranges and sets of them, in host byte order. Pure. */
#ifndef NM_BASE_PORT_H
#define NM_BASE_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Ports first..last; 0,0 stands for "none". */
struct nm_ports {
	uint16_t first, last;
};

struct nm_port_set {
	uint8_t bits[65536 / 8];
};

/* Parses "80" or "80-90", ports 1 to 65535, the lower one first. 0, or -1 for anything else. */
int nm_port_range_parse(const char *text, size_t len, uint16_t *ret_first, uint16_t *ret_last) NM_MUST_USE;

/* Parses a comma-separated list of ports and ranges; blanks around commas are allowed, "" is the empty set.
 * 0, or -1 for anything else. */
int nm_port_set_parse(const char *text, struct nm_port_set *ret) NM_MUST_USE;
void nm_port_set_add(struct nm_port_set *s, uint16_t port);
bool nm_port_set_has(const struct nm_port_set *s, uint16_t port);
/* True when the set has one of these ports. */
bool nm_port_set_meets(const struct nm_port_set *s, struct nm_ports ports);

#endif
