/* What the configuration of containerd says of the hooks of containers that Kubernetes starts. */
#ifndef NM_INPUT_CONTAINERD_H
#define NM_INPUT_CONTAINERD_H

#include <stdbool.h>

#include "base/err.h"

#define NM_CONTAINERD_CONF "/etc/containerd/config.toml"

#define NM_CONTAINERD_ANNOTATION "io.natmap.ports"

struct nm_containerd {
	bool is_sure; /* false: it has parts elsewhere, hooks may come another way, or we do not understand it
		       */
	bool has_network; /* for pods: without a file of CNI's none starts, as where Docker alone uses it */
	bool has_pods;    /* CRI is not switched off */
	char *base_spec;  /* the last base_runtime_spec, owned; NULL: none */
	bool passes_annotations; /* that may be of ports, of a pod or of kubelet's, to the containers */
};

/* Reads it; without the file it is the default. Cannot fail. To be released with nm_containerd_done(). */
void nm_containerd_read(struct nm_containerd *ret);
void nm_containerd_done(struct nm_containerd *c);

#endif
