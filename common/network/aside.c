#include "network/aside.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/log.h"
#include "host/detach.h"
#include "network/names.h"

/* "natm": nobody else has interfaces in it. */
enum { GROUP = 0x6e61746d };

static const struct nm_netlink_handler gone_is_right = {.tolerate = NM_NETLINK_ERRORS(ENODEV)};

static int set_aside(struct nm_netlink *rtnl, unsigned ifindex, struct nm_err *err)
{
	struct nm_netlink_request r;
	char name[IF_NAMESIZE];

	nm_netlink_request_init(&r);
	nm_link_set_aside(&r, ifindex, nm_names_aside(ifindex, name), GROUP);
	if (nm_netlink_talk(rtnl, &r, &gone_is_right, err) < 0)
		return nm_wrap(err, "renaming interface number %u to '%s'", ifindex, name);
	return 0;
}

int nm_aside_delete_now(struct nm_netlink *rtnl, struct nm_err *err)
{
	struct nm_netlink_request r;

	nm_netlink_request_init(&r);
	nm_link_delete_group(&r, GROUP);
	if (nm_netlink_talk(rtnl, &r, &gone_is_right, err) < 0)
		return nm_wrap(err, "deleting the interfaces of group %#x", GROUP);
	return 0;
}

static void delete_deferred(void *work)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	struct nm_err err;

	(void)work;
	if (nm_netlink_open(NETLINK_ROUTE, &rtnl, &err) < 0 || nm_aside_delete_now(&rtnl, &err) < 0) {
		nm_log_notice("%s, ignored: a reload or gc does it", err.msg);
		nm_log_flush();
	}
}

void nm_aside_delete_later(void)
{
	static bool is_deferred;

	if (!is_deferred)
		nm_detach_defer(NM_DETACH_LATE, delete_deferred, NULL);
	is_deferred = true;
}

int nm_aside_put(struct nm_netlink *rtnl, unsigned ifindex, struct nm_err *err)
{
	if (set_aside(rtnl, ifindex, err) < 0)
		return -1;
	nm_aside_delete_later();
	return 0;
}
