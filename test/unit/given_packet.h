/* What tests of follow/ ask about: a translated packet from outside, on its way to a container. */
#ifndef NM_TEST_GIVEN_PACKET_H
#define NM_TEST_GIVEN_PACKET_H

#include <netinet/in.h>

#include "follow/packet.h"

static const struct nm_follow_packet packet = {.family = NM_IPV4,
	.protocol = IPPROTO_TCP,
	.in = {true, 2, "up0"},
	.out = {true, 3, "br0"},
	.first = {.address = {NM_IPV4, {192, 0, 2, 1}}, .port = 8080, .local = true},
	.translated = {.address = {NM_IPV4, {10, 88, 7, 2}}, .port = 80},
	.is_translated = true};

#endif
