/* What is said of an obstacle of obstacle/obstacles.h, and the command against it. */
#ifndef NM_OBSTACLE_TEXT_H
#define NM_OBSTACLE_TEXT_H

#include "obstacle/obstacles.h"

enum { NM_OBSTACLE_STRLEN = 2048 };

/* Writes the sentence, without final dot. Returns buf. */
const char *nm_obstacle_text_print(const struct nm_obstacle *o, char buf[static NM_OBSTACLE_STRLEN]);

/* Writes the shell command that lets through what is published by natmap, and no more than that. It holds
 * until the table is loaded again. iptables: as the host calls it, nm_obstacle_text_iptables(). Returns buf;
 * NULL: there is none. */
const char *nm_obstacle_text_command(
	const struct nm_obstacle *o, const char *iptables, char buf[static NM_OBSTACLE_STRLEN]);

/* The suffix that the host's iptables for nf_tables has: "-nft", or "" where there is only iptables. Reads
 * outside the state directory. */
const char *nm_obstacle_text_iptables(void);

#endif
