/* Transport protocols: tcp, udp and sctp. Pure. */
#ifndef NM_MODEL_PROTOCOL_H
#define NM_MODEL_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* "tcp", "udp", "sctp"; "?" for another IPPROTO_*. */
const char *nm_protocol_name(uint8_t protocol);

/* Parses such a name (len bytes, upper or lower case). 0, or -1 for anything else. */
int nm_protocol_parse(const char *text, size_t len, uint8_t *ret) NM_MUST_USE;

#endif
