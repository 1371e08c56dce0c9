/*
 * The network namespace of a container, and its addresses there.
 *
 * natmap enters that namespace for some calls only, which make an rtnetlink socket and open settings: these
 * stay in it, and everything is read and written through them afterwards, without the capabilities that
 * entering takes. Entering the own namespace first proves that the return is permitted, which it is not in a
 * rootless runtime. Once the namespace's file is open, the container's process may end.
 *
 * Seen on Linux 6.18: an open file of /proc/sys/net writes to the namespace in which it was opened,
 * also when the process is in another one and has no more than CAP_NET_ADMIN over it.
 */
#include "host/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <linux/netlink.h>

#include "base/array.h"
#include "base/text.h"
#include "host/route.h"
#include "host/rtnl.h"
#include "host/sysctl.h"

#ifndef SO_NETNS_COOKIE /* Linux 5.14; parisc and sparc have other numbers, and headers that know them */
#define SO_NETNS_COOKIE 71
#endif

enum { PROC_PATH_MAX = 32, LOOKED_MAX = 256 };

int nm_netns_self(const char *kind, struct nm_nsid *ret, struct nm_err *err)
{
	char path[PROC_PATH_MAX];
	struct stat st;

	(void)snprintf(path, sizeof(path), "/proc/self/ns/%s", kind);
	if (stat(path, &st) < 0)
		return nm_fail_errno(err, errno, "reading %s", path);
	*ret = (struct nm_nsid){.dev = st.st_dev, .ino = st.st_ino};
	return 0;
}

bool nm_netns_cookie(int socket, uint64_t *ret)
{
	socklen_t len = sizeof(*ret);

	return getsockopt(socket, SOL_SOCKET, SO_NETNS_COOKIE, ret, &len) == 0 && len == sizeof(*ret);
}

/* In the /proc of another PID namespace, pid is another process. */
static int check_proc_is_ours(struct nm_err *err)
{
	char self[PROC_PATH_MAX];
	ssize_t n = readlinkat(AT_FDCWD, "/proc/self", self, sizeof(self));
	uint64_t pid;

	if (n < 0)
		return nm_fail_errno(err, errno, "reading /proc/self");
	if (nm_text_number(self, (size_t)n, INT32_MAX, &pid) < 0 || (pid_t)pid != getpid())
		return nm_fail(err, NM_ERR_FAILED,
			"/proc belongs to another PID namespace, in which process numbers mean others");
	return 0;
}

static int open_namespace(const char *path, int *ret_fd, struct nm_nsid *ret)
{
	nm_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	*ret = (struct nm_nsid){.dev = st.st_dev, .ino = st.st_ino};
	*ret_fd = nm_steal_fd(&fd);
	return 0;
}

static int open_process(pid_t pid, int *ret_fd, struct nm_nsid *ret, struct nm_err *err)
{
	char path[PROC_PATH_MAX];
	int result;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	result = open_namespace(path, ret_fd, ret);
	if (result < 0 && errno == EACCES) /* also what a process says that ends in this moment */
		result = open_namespace(path, ret_fd, ret);
	if (result < 0 && (errno == ENOENT || errno == ESRCH))
		return nm_fail(err, NM_ERR_FAILED, "container process %d is gone", pid);
	if (result < 0)
		return nm_fail_errno(err, errno, "opening %s, which needs CAP_SYS_PTRACE", path);
	return 0;
}

static int open_home(int *ret_fd, struct nm_nsid *ret, struct nm_err *err)
{
	return open_namespace("/proc/self/ns/net", ret_fd, ret) < 0
		? nm_fail_errno(err, errno, "opening /proc/self/ns/net")
		: 0;
}

static const char accept_ra[] = "net/ipv6/conf/default/accept_ra";
static const char disable_ipv6[] = "net/ipv6/conf/default/disable_ipv6";

/* Of the namespace that the process is in. */
static int open_things(bool settings, struct nm_netns *ret, struct nm_err *err)
{
	if (settings) {
		nm_sysctl_open(accept_ra, &ret->accept_ra);
		nm_sysctl_open(disable_ipv6, &ret->disable_ipv6);
	}
	if (nm_netlink_open(NETLINK_ROUTE, &ret->nl, err) < 0)
		return -1;
	ret->nl.replies_max = NM_RTNL_INSIDE_MAX;
	return 0;
}

/* Opens what is needed of the namespace behind ns->fd. The process is in the namespace home before and after.
 */
static int visit(struct nm_netns *ns, int home, bool settings, struct nm_err *err)
{
	int opened;

	if (setns(home, CLONE_NEWNET) < 0)
		return nm_fail_errno(err, errno, "entering a network namespace, which needs CAP_SYS_ADMIN");
	if (setns(ns->fd, CLONE_NEWNET) < 0)
		return nm_fail_errno(err, errno, "entering the container's network namespace");
	opened = open_things(settings, ns, err);
	if (setns(home, CLONE_NEWNET) < 0)
		return nm_fail_errno(err, errno, "returning from the container's network namespace");
	return opened;
}

int nm_netns_prepare_ipv6(const struct nm_netns *ns, bool required, struct nm_err *err)
{
	if (nm_sysctl_set_open(&ns->accept_ra, accept_ra, 0, err) == 0 &&
		(!required || nm_sysctl_set_open(&ns->disable_ipv6, disable_ipv6, 0, err) == 0))
		return 0;
	return required || err->kind != NM_ERR_MISSING ? -1 : 0;
}

static int open_container(pid_t pid, bool settings, struct nm_netns *ret, struct nm_err *err)
{
	nm_autoclose int home = -1;
	struct nm_nsid home_id;

	if (check_proc_is_ours(err) < 0 || open_process(pid, &ret->fd, &ret->id, err) < 0 ||
		open_home(&home, &home_id, err) < 0)
		return -1;
	if (nm_nsid_equal(&home_id, &ret->id))
		return nm_fail(err, NM_ERR_REFUSED,
			"container process %d uses the host network: there is nothing to publish", pid);
	return visit(ret, home, settings, err);
}

int nm_netns_look_at(struct nm_netns *ns, unsigned ifindex, struct nm_err *err)
{
	if (ns->link.found && ns->link.ifindex == ifindex)
		return 0;
	return nm_rtnl_get_link(&ns->nl, ifindex, NULL, &ns->link, err);
}

int nm_netns_home(struct nm_netns *ns, int32_t *ret, struct nm_err *err)
{
	if (!ns->knows_home && nm_rtnl_get_netns(&ns->nl, getpid(), &ns->home, err) < 0)
		return -1;
	ns->knows_home = true;
	*ret = ns->home;
	return 0;
}

/* The primary global address on the interface, the first of equals; NULL: none. */
static const struct nm_rtnl_address *best_address(
	const struct nm_rtnl_addresses *all, enum nm_family family, unsigned ifindex)
{
	const struct nm_rtnl_address *best = NULL;

	for (size_t i = 0; i < all->n; i++) {
		const struct nm_rtnl_address *a = &all->v[i];

		if (a->ifindex == ifindex && a->global && a->prefix.addr.family == family &&
			(!best || a->flaws < best->flaws))
			best = a;
	}
	return best;
}

/* Whom to call for addresses, and what it has answered. */
struct taker {
	int (*take)(void *ctx, const struct nm_rtnl_address *address, struct nm_err *err);
	void *ctx;
};

/* Offers the address of the interface, if it has one. The result is that of take(), 0 without an address. */
static int offer(struct nm_netns *ns, enum nm_family family, unsigned ifindex, const struct taker *taker,
	struct nm_err *err)
{
	const struct nm_rtnl_address *a = best_address(&ns->addresses, family, ifindex);

	if (!a)
		return 0;
	if (nm_netns_look_at(ns, ifindex, err) < 0)
		return -1;
	/* else taken away meanwhile, with its addresses */
	return ns->link.found ? taker->take(taker->ctx, a, err) : 0;
}

/* Offers those of the interfaces that are up, but for the loopback interface and the one that was offered.
 * The container may have thousands to be passed over. */
static int offer_others(struct nm_netns *ns, enum nm_family family, unsigned offered,
	const struct taker *taker, struct nm_err *err)
{
	unsigned seen = offered, looked = 0;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ns->addresses.n && looked < LOOKED_MAX; i++) {
		const struct nm_rtnl_address *a = &ns->addresses.v[i];

		if (!a->global || a->prefix.addr.family != family || a->ifindex == seen ||
			a->ifindex == offered)
			continue;
		seen = a->ifindex;
		looked++;
		if (nm_netns_look_at(ns, seen, err) < 0)
			return -1;
		if ((ns->link.flags & IFF_UP) && !(ns->link.flags & IFF_LOOPBACK))
			rc = offer(ns, family, seen, taker, err);
	}
	return rc;
}

static int find_interface(struct nm_netns *ns, const char *name, struct nm_err *err)
{
	if (ns->link.found && !strcmp(ns->link.name, name))
		return 0;
	if (nm_rtnl_get_link(&ns->nl, 0, name, &ns->link, err) < 0)
		return -1;
	return ns->link.found ? 0 : nm_fail(err, NM_ERR_REFUSED, "the container has no interface '%s'", name);
}

int nm_netns_each_address(struct nm_netns *ns, enum nm_family family, const char *interface,
	int (*take)(void *ctx, const struct nm_rtnl_address *address, struct nm_err *err), void *ctx,
	struct nm_err *err)
{
	const struct taker taker = {take, ctx};
	unsigned first;
	int rc;

	if (interface)
		rc = find_interface(ns, interface, err) < 0
			? -1
			: offer(ns, family, ns->link.ifindex, &taker, err);
	else {
		rc = nm_route_default(&ns->nl, family, &first, err);
		rc = rc ? rc : offer(ns, family, first, &taker, err);
		rc = rc ? rc : offer_others(ns, family, first, &taker, err);
	}
	return rc < 0 ? -1 : 0;
}

static int wrap(pid_t pid, struct nm_err *err)
{
	return nm_wrap(err, "looking into the network namespace of process %d", pid);
}

int nm_netns_connect(pid_t pid, bool settings, struct nm_netns *ret, struct nm_err *err)
{
	NM_CLEANUP(nm_netns_done) struct nm_netns ns = NM_NETNS_INIT;

	if (open_container(pid, settings, &ns, err) < 0)
		return wrap(pid, err);
	*ret = ns;
	ns = (struct nm_netns)NM_NETNS_INIT;
	return 0;
}

int nm_netns_read(struct nm_netns *ns, pid_t pid, struct nm_err *err)
{
	return nm_rtnl_get_addresses(&ns->nl, &ns->addresses, err) < 0 ? wrap(pid, err) : 0;
}

int nm_netns_open(pid_t pid, struct nm_netns *ret, struct nm_err *err)
{
	NM_CLEANUP(nm_netns_done) struct nm_netns ns = NM_NETNS_INIT;

	if (nm_netns_connect(pid, false, &ns, err) < 0 || nm_netns_read(&ns, pid, err) < 0)
		return -1;
	*ret = ns;
	ns = (struct nm_netns)NM_NETNS_INIT;
	return 0;
}

void nm_netns_done(struct nm_netns *ns)
{
	nm_cleanup_close(&ns->fd);
	nm_cleanup_close(&ns->accept_ra.fd);
	nm_cleanup_close(&ns->disable_ipv6.fd);
	nm_netlink_close(&ns->nl);
	nm_rtnl_addresses_done(&ns->addresses);
}
