/*
 * The network namespace of a container, and its addresses there.
 *
 * natmap enters that namespace for one call only, which makes an rtnetlink socket: the socket stays in it,
 * and everything is read through the socket afterwards. Entering the own namespace first proves that the
 * return is permitted, which it is not in a rootless runtime. Once the namespace's file is open, the
 * container's process may end.
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

enum { PROC_PATH_MAX = 32 };

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

/* Makes an rtnetlink socket of the namespace target. The process is in the namespace home before and after.
 */
static int open_socket_in(int target, int home, struct nm_netlink *ret, struct nm_err *err)
{
	struct nm_netlink nl = {.fd = -1};
	int opened;

	if (setns(home, CLONE_NEWNET) < 0)
		return nm_fail_errno(err, errno, "entering a network namespace, which needs CAP_SYS_ADMIN");
	if (setns(target, CLONE_NEWNET) < 0)
		return nm_fail_errno(err, errno, "entering the container's network namespace");
	opened = nm_netlink_open(NETLINK_ROUTE, &nl, err);
	if (setns(home, CLONE_NEWNET) < 0) {
		nm_netlink_close(&nl);
		return nm_fail_errno(err, errno, "returning from the container's network namespace");
	}
	if (opened == 0)
		*ret = nl;
	return opened;
}

static int open_container(pid_t pid, struct nm_netlink *ret, struct nm_nsid *ret_id, struct nm_err *err)
{
	nm_autoclose int home = -1, target = -1;
	struct nm_nsid home_id;

	if (check_proc_is_ours(err) < 0 || open_process(pid, &target, ret_id, err) < 0)
		return -1;
	if (open_namespace("/proc/self/ns/net", &home, &home_id) < 0)
		return nm_fail_errno(err, errno, "opening /proc/self/ns/net");
	if (nm_nsid_equal(&home_id, ret_id))
		return nm_fail(err, NM_ERR_REFUSED,
			"container process %d uses the host network: there is nothing to publish", pid);
	return open_socket_in(target, home, ret, err);
}

/* What is read of the namespace to choose addresses. */
struct view {
	struct nm_netlink nl;
	struct nm_rtnl_addresses addresses;
	struct nm_rtnl_link link; /* asked for last */
};

static void close_view(struct view *v)
{
	nm_netlink_close(&v->nl);
	nm_rtnl_addresses_done(&v->addresses);
}

static int look_at_link(struct view *v, unsigned ifindex, struct nm_err *err)
{
	if (v->link.found && v->link.ifindex == ifindex)
		return 0;
	return nm_rtnl_get_link(&v->nl, ifindex, NULL, &v->link, err);
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

/* The first interface that is up and has a global address, but not the loopback interface. */
static int find_first(struct view *v, enum nm_family family, unsigned *ret_ifindex, struct nm_err *err)
{
	unsigned seen = 0;

	for (size_t i = 0; i < v->addresses.n; i++) {
		const struct nm_rtnl_address *a = &v->addresses.v[i];

		if (!a->global || a->prefix.addr.family != family || a->ifindex == seen)
			continue;
		seen = a->ifindex;
		if (look_at_link(v, seen, err) < 0)
			return -1;
		if (v->link.found && (v->link.flags & IFF_UP) && !(v->link.flags & IFF_LOOPBACK)) {
			*ret_ifindex = seen;
			return 0;
		}
	}
	*ret_ifindex = 0;
	return 0;
}

/* Chooses the address of a family on interface ifindex; 0: on the interface that nm_netns_read() describes.
 */
static int choose(struct view *v, enum nm_family family, unsigned ifindex, struct nm_netns_address *ret,
	struct nm_err *err)
{
	const struct nm_rtnl_address *a;
	bool given = ifindex != 0;

	if (!given && nm_route_default(&v->nl, family, &ifindex, err) < 0)
		return -1;
	a = best_address(&v->addresses, family, ifindex);
	if (!a && !given) {
		if (find_first(v, family, &ifindex, err) < 0)
			return -1;
		a = best_address(&v->addresses, family, ifindex);
	}
	if (!a)
		return 0;
	if (look_at_link(v, ifindex, err) < 0)
		return -1;
	if (!v->link.found) /* taken away meanwhile, with its addresses */
		return 0;
	ret->found = true;
	ret->address = a->prefix;
	ret->ifindex = ifindex;
	ret->peer_ifindex = v->link.peer_elsewhere ? v->link.peer_ifindex : 0;
	return 0;
}

static int copy_all(const struct nm_rtnl_addresses *from, struct nm_prefixes *ret, struct nm_err *err)
{
	for (size_t i = 0; i < from->n; i++) {
		if (nm_grow(ret, "reading addresses", err) < 0)
			return -1;
		ret->v[ret->n++] = from->v[i].prefix;
	}
	return 0;
}

static int read_view(struct view *v, const char *interface, struct nm_netns *ns, struct nm_err *err)
{
	unsigned ifindex = 0;

	if (interface) {
		if (nm_rtnl_get_link(&v->nl, 0, interface, &v->link, err) < 0)
			return -1;
		if (!v->link.found)
			return nm_fail(err, NM_ERR_REFUSED, "there is no interface '%s'", interface);
		ifindex = v->link.ifindex;
	}
	if (nm_rtnl_get_addresses(&v->nl, &v->addresses, err) < 0)
		return -1;
	nm_each_family(f, NM_BOTH_FAMILIES)
		if (choose(v, f, ifindex, &ns->family[f], err) < 0)
			return -1;
	return copy_all(&v->addresses, &ns->all, err);
}

int nm_netns_read(pid_t pid, const char *interface, struct nm_netns *ret, struct nm_err *err)
{
	NM_CLEANUP(close_view) struct view v = {.nl.fd = -1};
	NM_CLEANUP(nm_netns_done) struct nm_netns ns = {.all.n = 0};

	if (open_container(pid, &v.nl, &ns.id, err) < 0 || read_view(&v, interface, &ns, err) < 0)
		return nm_wrap(err, "looking into the network namespace of process %d", pid);
	*ret = nm_steal(&ns);
	return 0;
}

void nm_netns_done(struct nm_netns *ns)
{
	nm_prefixes_done(&ns->all);
}
