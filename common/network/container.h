/*
 * A container's process and its network namespace, opened before its description is parsed. The rest of the
 * process then needs no right to look into others.
 */
#ifndef NM_NETWORK_CONTAINER_H
#define NM_NETWORK_CONTAINER_H

#include "host/netns.h"

/* Begins as NM_CONTAINER_INIT: one without a process. */
struct nm_container {
	pid_t pid;           /* 0: it has none */
	uint64_t start;      /* of that process: nm_process_start() */
	bool is_home;        /* it is in the caller's own network namespace */
	struct nm_netns ns;  /* opened by nm_netns_connect(), and not read yet */
	struct nm_err fault; /* why pid could not be looked into, for who needs that; kind NM_ERR_NONE: it
				could be */
};

#define NM_CONTAINER_INIT           \
	{                           \
		.ns = NM_NETNS_INIT \
	}

/* Opens process pid, as nm_netns_connect() does. Sets ret->fault where it fails. The caller releases *ret
 * with nm_container_done(), and must end without changing the network where ret->fault is set. */
void nm_container_open(pid_t pid, bool settings, struct nm_container *ret);

/* 0 for a container that has been opened, with its start and the addresses of its namespace; -1 with *err. */
int nm_container_read(struct nm_container *c, struct nm_err *err) NM_MUST_USE;

void nm_container_done(struct nm_container *c);

#endif
