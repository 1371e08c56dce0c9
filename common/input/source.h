/*
 * Where a container's ports stand: natmap's own annotation, and those that other tools write. Read in
 *     nerdctl 09b728b, pkg/portutil/portutil.go, LoadPortMappings(): the label nerdctl/ports, which
 *         containers had until 2.1.2, is a JSON list of go-cni's PortMapping (types.go)
 *     CRI-O 0087d0e, internal/hostport, PortMapping; internal/annotations, PortMappings, on a sandbox, and
 *         IP.N
 *     Kubernetes, pkg/kubelet/kuberuntime/labels.go, containerPortsLabel: a JSON list of
 *         k8s.io/api/core/v1 ContainerPort, of one container
 * Each is a list of {HostPort, ContainerPort, Protocol, HostIP}, with keys in upper or lower case, as Go
 * reads them.
 */
#ifndef NM_INPUT_SOURCE_H
#define NM_INPUT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum nm_source { NM_SOURCE_NATMAP, NM_SOURCE_NERDCTL, NM_SOURCE_CRIO, NM_SOURCE_KUBELET, NM_SOURCE_MAX };

/* Sources in the order of the configuration, each at most once. */
struct nm_sources {
	enum nm_source v[NM_SOURCE_MAX];
	size_t n;
};

/* The source's annotation: "nerdctl/ports". */
const char *nm_source_annotation(enum nm_source source);

#define NM_SOURCE_PREFIX         "io.natmap." /* of all of natmap's */
#define NM_SOURCE_NATMAP_PORTS   NM_SOURCE_PREFIX "ports"
#define NM_SOURCE_NATMAP_NETWORK NM_SOURCE_PREFIX "network"
#define NM_SOURCE_NERDCTL_PORTS  "nerdctl/ports"
#define NM_SOURCE_CRIO_PORTS     "io.kubernetes.cri-o.PortMappings"
#define NM_SOURCE_KUBELET_PORTS  "io.kubernetes.container.ports"

/* The annotation of CRI-O with one of a container's addresses is this and a number from 0. */
#define NM_SOURCE_CRIO_ADDRESS "io.kubernetes.cri-o.IP."

bool nm_sources_has(const struct nm_sources *s, enum nm_source source);

/* Appends the source of this name, unless it is there. False: there is none. */
bool nm_sources_add(struct nm_sources *s, const char *name);

/*
 * Returns a bit, 1 << enum nm_source, for each source that a key in these bytes of an OCI state may be of, be
 * it written with escapes: for natmap's when it begins with NM_SOURCE_PREFIX. Searches bytes and parses
 * nothing, so the text may be hostile, and malformed.
 */
unsigned nm_sources_scan(const char *text, size_t len);

/* The bit of nm_sources_scan() for an address of CRI-O's. */
#define NM_SOURCE_ADDRESS_BIT (1u << NM_SOURCE_MAX)

/* The most bytes that decide, before and in a key, that it is one of these: what blocks of a text overlap by.
 */
#define NM_SOURCE_OVERLAP 256

/*
 * Sets *ret to what io.natmap.ports would be for the text of another tool's annotation; NULL when it has no
 * host port other than 0, as with an empty list, null, or ports that no host has. Protocol is tcp when
 * absent, HostIP every address. Successive ports of nerdctl become a range, as they were one for its user;
 * those of a pod do not, since its containers have some each. 0 with *ret owned by the caller, or -1 with
 * *err: NM_ERR_REFUSED for no JSON, wrong types, ports above 65535, other protocols, what is no address, and
 * more than NM_MAPPINGS_MAX mappings.
 */
int nm_source_read(enum nm_source source, const char *text, char **ret, struct nm_err *err) NM_MUST_USE;

#endif
