/* What the networks of live containers lack, as check names it and reload makes it. Looks at what has been
 * read, and at settings. */
#ifndef NM_NETWORK_FAULTS_H
#define NM_NETWORK_FAULTS_H

#include "host/rtnl.h"
#include "model/network.h"

/* Begins as zeros. */
struct nm_faults {
	struct nm_fault {
		char *text;  /* owned */
		bool inside; /* the pair itself, or what the container has of it */
	} * v;               /* owned: nm_faults_done() */
	size_t n, capacity;
};

void nm_faults_done(struct nm_faults *f);

/* The host's interfaces, sorted by name, and addresses. Begins as zeros. */
struct nm_faults_host {
	struct nm_rtnl_links links;
	struct nm_rtnl_addresses addresses;
};

/* Reads them in two dumps. 0 with *ret for nm_faults_host_done(), or -1 with *err. */
int nm_faults_host_read(struct nm_netlink *rtnl, struct nm_faults_host *ret, struct nm_err *err) NM_MUST_USE;
void nm_faults_host_done(struct nm_faults_host *host);

/* The interface of that name, borrowed; NULL: none. */
const struct nm_rtnl_link *nm_faults_link(const struct nm_faults_host *host, const char *name);

/* Each appends what is wrong with a part of the network of the container with this id, which begins with what
 * the rest depends on. 0, or -1 with *err (memory). hairpin: of its port. */
int nm_faults_of_bridge(const struct nm_faults_host *host, const struct nm_attachment *a,
	struct nm_faults *ret, struct nm_err *err) NM_MUST_USE;
int nm_faults_of_port(const struct nm_faults_host *host, const char *id, const struct nm_attachment *a,
	bool hairpin, struct nm_faults *ret, struct nm_err *err) NM_MUST_USE;
/* addresses: all that the container has; routes: families in which it has a default route. */
int nm_faults_of_container(const struct nm_rtnl_addresses *addresses, unsigned routes, const char *id,
	const struct nm_attachment *a, struct nm_faults *ret, struct nm_err *err) NM_MUST_USE;

#endif
