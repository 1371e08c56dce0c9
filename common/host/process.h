/* The identity of a process over time. */
#ifndef NM_HOST_PROCESS_H
#define NM_HOST_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/addr.h"

/*
 * Reads the start time of process pid, in clock ticks since boot (proc(5), stat field 22), the same in every
 * time namespace but for one tick; 0 when /proc hides the process from natmap. Without such a process, or
 * with a zombie, only *ret_alive is set, to false. -1 with *err when /proc cannot be read.
 */
int nm_process_start(pid_t pid, uint64_t *ret_start, bool *ret_alive, struct nm_err *err) NM_MUST_USE;

/* Reads the gateway of the IPv4 default route that process pid's network namespace has in its main table, the
 * one with the lowest metric, of which nothing need be entered. False: it has none, or cannot be asked. */
bool nm_process_gateway(pid_t pid, struct nm_addr *ret);

/*
 * True when both containers, of which these are processes and ids, are in one pod of podman's: when the
 * directories that their runtime has made for them stand in one that podman makes for a pod (cgroups(7)). A
 * container is there before it runs anything, and no annotation and no image can choose that place.
 */
bool nm_process_same_pod(pid_t a, const char *id_a, pid_t b, const char *id_b);

#define NM_PROCESS_STRLEN 512

/*
 * Prints who is in a control group (cgroups(7), version 2; id: the inode number of its directory) into buf,
 * which is also returned: "process 812 (sshd)" where all its processes have that name, "a process of control
 * group '/user.slice/...'" where they differ, "a local process" where the group is the root or unknown. Reads
 * some files of each process: for an error message.
 */
const char *nm_process_print(uint64_t control_group, char buf[static NM_PROCESS_STRLEN]);

#endif
