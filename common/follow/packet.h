/* What nf_tables' expressions read of the packet that follow/follow.h follows. Pure. */
#ifndef NM_FOLLOW_PACKET_H
#define NM_FOLLOW_PACKET_H

#include "host/attrs.h"
#include "follow/follow.h"
#include "follow/value.h"

enum {
	NM_FOLLOW_MARK = 0,    /* offset of the mark in marks */
	NM_FOLLOW_CT_MARK = 4, /* of the connection's */
};

/* The packet on its way. */
struct nm_follow_state {
	const struct nm_follow_packet *packet;
	uint32_t hook;
	bool is_tracked;    /* the chain comes behind connection tracking */
	bool is_translated; /* by natmap, here or before */
	struct nm_value network, transport, marks, registers;
};

void nm_follow_packet_begin(struct nm_follow_state *s, const struct nm_follow_packet *packet, uint32_t hook);
/* From now on it goes where natmap sends it. */
void nm_follow_packet_translate(struct nm_follow_state *s);

/* Where it goes at this moment, or an answer comes from. */
const struct nm_follow_target *nm_follow_packet_target(const struct nm_follow_state *s);
bool nm_follow_packet_is_to_host(const struct nm_follow_state *s); /* the address is the host's */
/* Bits of NFT_CT_STATE, and of NFT_CT_STATUS, of which *ret_known are known. */
uint32_t nm_follow_packet_ct_state(const struct nm_follow_state *s);
uint32_t nm_follow_packet_ct_status(const struct nm_follow_state *s, uint32_t *ret_known);

/* The destination port in the header at this moment. False: it is not known. */
bool nm_follow_packet_dport(const struct nm_follow_state *s, uint16_t *ret);

/* The offset of a register, NFT_REG_* or NFT_REG32_*, in registers; NM_FOLLOW_BYTES for none. */
size_t nm_follow_packet_register(uint32_t reg);

/* Loads what the expression (meta, payload, ct, fib) names into its register, unless another name. NM_FALSE:
 * there is no such thing, and the rule ends; NM_UNDECIDED: no such expression. */
enum nm_tri nm_follow_packet_load(struct nm_follow_state *s, const char *name, struct nm_attrs data);

#endif
