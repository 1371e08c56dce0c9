/*
 * The kernel's filter of source addresses, net.ipv4.conf.IF.rp_filter: where it is 1, an IPv4 packet is
 * dropped if the way back to its source, as routing decides for what the packet is translated to, leads by
 * another interface. IPv6 has no such setting.
 */
#ifndef NM_OBSTACLE_REVERSE_PATH_H
#define NM_OBSTACLE_REVERSE_PATH_H

#include "state/records.h"

enum nm_reverse_path_kind {
	NM_REVERSE_PATH_CLIENTS, /* a second default route leads by the interface: clients from beyond it */
	NM_REVERSE_PATH_ANSWERS, /* the container's default route leads there, and its address elsewhere */
};

struct nm_reverse_path {
	enum nm_reverse_path_kind kind;
	char interface[IF_NAMESIZE];    /* whose filter it is */
	const struct nm_record *record; /* one of those that it concerns, borrowed */
};

typedef int nm_reverse_path_handler(void *ctx, const struct nm_reverse_path *p, struct nm_err *err);

/* Calls handler for each interface and kind where packets of a record's ports are dropped. Answers are judged
 * where the record has a process, can_judge says that pids are of this PID namespace, and the container's
 * default route leads to an address of the host. -1 with *err ends the search. */
int nm_reverse_path_each(const struct nm_records *records, bool can_judge, nm_reverse_path_handler *handler,
	void *ctx, struct nm_err *err) NM_MUST_USE;

enum { NM_REVERSE_PATH_STRLEN = 512 };

/* Writes the sentence, without final dot. Returns buf. */
const char *nm_reverse_path_print(const struct nm_reverse_path *p, char buf[static NM_REVERSE_PATH_STRLEN]);

#endif
