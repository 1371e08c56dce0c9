/* The container's state that an OCI runtime gives its hooks (runtime-spec, runtime.md "State"), as far as we
 * need it. */
#ifndef NM_INPUT_OCI_STATE_H
#define NM_INPUT_OCI_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "input/source.h"

#define NM_OCI_STATE_MAX (16u << 20) /* bytes; runtimes pass on annotations of hundreds of KiB */
#define NM_ID_MAX        1024        /* bytes; runc's own bound */

/* All strings are owned; NULL when absent. */
struct nm_oci_state {
	char *id;           /* [A-Za-z0-9_+,.-], 1 to NM_ID_MAX bytes */
	bool unpublishable; /* WITHDRAW: nothing can have been published for it */
	char *status;       /* "creating", "created", "running", "stopped", ... */
	pid_t pid;          /* 0 when absent: poststop */
	char *bundle;       /* as given: may be relative or "/" */
	char *ports, *address, *interface, *allow, *network; /* the annotations io.natmap.* */
	/* Annotations of other tools that the two above come from; NULL: they are natmap's own. */
	const char *ports_from, *address_from;
	char *others[NM_SOURCE_MAX], *others_address[2]; /* what these say, before one is taken */
};

enum nm_oci_state_use { NM_OCI_STATE_PUBLISH, NM_OCI_STATE_WITHDRAW };

/* True when the state says that the container is stopped, false for all else, be it JSON or not. For a hook
 * that was not told its stage: at poststop there is no pid, so the state can only be parsed as WITHDRAW.
 * *ret_pid is the pid in it, 0 without one: runc calls createRuntime with "stopped" and the pid of a process
 * that it restores. Only set when true. */
bool nm_oci_state_is_stopped(const char *text, size_t len, pid_t *ret_pid);

/*
 * Parses the state. sources: whose annotations count; NULL: natmap's. PUBLISH: ports is io.natmap.ports, if
 * that counts, or else what the first of the other sources that has ports says in the form of
 * io.natmap.ports; address, where neither io.natmap.address nor io.natmap.interface is there, and CRI-O's
 * count, CRI-O's; network is io.natmap.network, if natmap's count and it is not blank. Without ports and
 * network all else is forgiven, other annotations of natmap's with a notice, and *ret has neither
 * (nm_oci_state_asks()), and so has text that is no JSON, unless
 * nm_sources_scan() has one of them; with one of them, id, pid (at least 1) and the
 * annotations must be right. WITHDRAW: only id and bundle are read, and what PUBLISH would refuse in them is
 * no error but makes the container unpublishable. NM_ERR_REFUSED for: no JSON, id or bundle
 * or pid or an io.natmap.* key twice, wrong types, an unknown io.natmap.* key, an id outside the alphabet,
 * NUL, control characters or no UTF-8 in ours. 0 with *ret to be released with nm_oci_state_done(), or -1
 * with *err and *ret released.
 */
int nm_oci_state_parse(const char *text, size_t len, enum nm_oci_state_use use,
	const struct nm_sources *sources, struct nm_oci_state *ret, struct nm_err *err) NM_MUST_USE;

void nm_oci_state_done(struct nm_oci_state *st);

/* True when the state that was parsed as PUBLISH asks for something: ports or a network. */
static inline bool nm_oci_state_asks(const struct nm_oci_state *st)
{
	return st->ports || st->network;
}

/* NULL when id is a container id that natmap accepts, else why not. */
const char *nm_oci_state_id_invalid(const char *id);

#endif
