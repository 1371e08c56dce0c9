/* The OCI state that hook and plan read: what its bytes tell before it is parsed, and then what it asks for.
 */
#ifndef NM_OCI_INPUT_H
#define NM_OCI_INPUT_H

#include "input/config.h"
#include "input/oci_state.h"
#include "network/container.h"
#include "cmd.h"

/* The bytes of a state, and what had to be read and opened before the sandbox was closed and they were
 * parsed. Begins as NM_OCI_INPUT; the faults are for a container that asks for something. */
struct nm_oci_input {
	const char *text; /* borrowed */
	size_t len;
	struct nm_config config;
	struct nm_err config_fault;    /* kind NM_ERR_NONE: there is none */
	bool may_be_others;            /* with that fault: annotations of other tools may count */
	struct nm_err directory_fault; /* likewise, of the state */
	struct nm_container container; /* whose process the state names */
};

#define NM_OCI_INPUT                           \
	{                                      \
		.container = NM_CONTAINER_INIT \
	}

/*
 * True when the state, of which these are bytes, may have an annotation by which something is published:
 * natmap's own, or one of another tool, where the configuration may have "sources". Parses nothing.
 */
bool nm_oci_input_may_be(const char *text, size_t len, const char *config_path);

/* For a state that is to be published: finds the process in its bytes and opens its network namespace, loads
 * the configuration, and makes the directory of the state unless that is NULL. */
void nm_oci_input_open(struct nm_oci_input *in, const char *config_path, const char *state_dir);

/*
 * Parses it for publishing. The sources of the configuration decide whether it asks for something. A
 * container of the host's own network has none of other tools: kubelet writes them for these, too. 0 with
 * *ret for nm_oci_state_done(), which asks for nothing when there is nothing to do; or -1 with *err, and *ret
 * has the id if it has been read. NM_ERR_REFUSED also when its pid is not the one that was found before.
 */
int nm_oci_input_parse(
	const struct nm_oci_input *in, struct nm_oci_state *ret, struct nm_err *err) NM_MUST_USE;

/* Puts the annotation of another tool that ports come from before the message *err has. Returns -1. */
int nm_oci_input_wrap(const struct nm_oci_state *st, struct nm_err *err);

void nm_oci_input_done(struct nm_oci_input *in);

#endif
