#include "network/pair.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "host/rtnl.h"
#include "network/aside.h"
#include "network/names.h"

/* What is there */

/* As natmap makes it, for whichever container. */
static bool may_be_ours(const struct nm_rtnl_link *link)
{
	return !strcmp(link->kind, "veth") && !strcmp(link->name, NM_NAMES_CONTAINER);
}

/* Tunnels that the kernel makes in each namespace are down. */
static bool is_others(const struct nm_rtnl_link *link)
{
	return !may_be_ours(link) && !(link->flags & IFF_LOOPBACK) &&
		(link->flags & IFF_UP || !strcmp(link->name, NM_NAMES_CONTAINER));
}

static void on_each_link(struct nm_pair_view *view, const struct nm_rtnl_link *link)
{
	if (is_others(link))
		(void)snprintf(view->what, sizeof(view->what), "interface '%s'", link->name);
	if (may_be_ours(link)) {
		view->ifindex = link->ifindex;
		view->port = link->peer_ifindex;
	}
}

static bool has(const struct nm_rtnl_links *links, unsigned ifindex)
{
	for (size_t i = 0; i < links->n; i++)
		if (links->v[i].ifindex == ifindex)
			return true;
	return false;
}

/* Addresses have been read first: the interface of one may be gone since. */
static void on_each_address(
	struct nm_pair_view *view, const struct nm_rtnl_links *links, const struct nm_rtnl_address *a)
{
	char text[NM_PREFIX_STRLEN];

	if (view->what[0]) /* one is enough: there may be thousands */
		return;
	if (a->ifindex != view->ifindex && !nm_addr_is_loopback(&a->prefix.addr) && has(links, a->ifindex))
		(void)snprintf(
			view->what, sizeof(view->what), "address '%s'", nm_prefix_print(&a->prefix, text));
}

int nm_pair_examine(struct nm_netns *ns, struct nm_pair_view *ret, struct nm_err *err)
{
	NM_CLEANUP(nm_rtnl_links_done) struct nm_rtnl_links links = {0};

	*ret = (struct nm_pair_view){.ifindex = 0};
	if (nm_rtnl_get_links(&ns->nl, &links, err) < 0)
		return nm_wrap(err, "looking at the container's network");
	for (size_t i = 0; i < links.n; i++)
		on_each_link(ret, &links.v[i]);
	for (size_t i = 0; i < ns->addresses.n; i++)
		on_each_address(ret, &links, &ns->addresses.v[i]);
	return 0;
}

static int refuse_inside(const char *what, struct nm_err *err)
{
	return nm_fail(err, NM_ERR_REFUSED,
		"io.natmap.network: the container's network namespace already has %s", what);
}

/* A grace period of RCU is waited for, since another interface is to have its name. */
static int delete_inside(struct nm_netns *ns, unsigned ifindex, struct nm_err *err)
{
	const struct nm_netlink_handler handler = {.tolerate = NM_NETLINK_ERRORS(ENODEV)};
	struct nm_netlink_request r;

	nm_netlink_request_init(&r);
	nm_link_delete(&r, ifindex);
	if (nm_netlink_talk(&ns->nl, &r, &handler, err) < 0)
		return nm_wrap(err, "deleting what was left of the container's network");
	return 0;
}

/* One that was set aside may have been deleted since the container was looked into. */
static int forget_gone(struct nm_netns *ns, struct nm_pair_view *view, struct nm_err *err)
{
	struct nm_rtnl_link link;

	if (nm_rtnl_get_link(&ns->nl, view->ifindex, NULL, &link, err) < 0)
		return -1;
	if (!link.found)
		view->ifindex = 0;
	return 0;
}

int nm_pair_judge(struct nm_netlink *rtnl, struct nm_netns *ns, const char *id, const char *port,
	struct nm_pair_view *view, struct nm_err *err)
{
	char alias[NM_TAG_SIZE];
	struct nm_rtnl_link link;

	if (view->what[0])
		return refuse_inside(view->what, err);
	if (!view->ifindex)
		return 0;
	if (nm_rtnl_get_link(rtnl, view->port, NULL, &link, err) < 0)
		return -1;
	if (!link.found && forget_gone(ns, view, err) < 0)
		return -1;
	if (!view->ifindex)
		return 0;
	if (!link.found || link.peer_ifindex != view->ifindex || !nm_names_is_end(&link))
		return refuse_inside("interface '" NM_NAMES_CONTAINER "'", err);
	if (!strcmp(link.name, port) && !strcmp(link.alias, nm_names_alias(id, alias)))
		return 0;
	if (!nm_names_is_aside(link.name))
		return refuse_inside("interface '" NM_NAMES_CONTAINER "' of another container", err);
	if (delete_inside(ns, view->ifindex, err) < 0)
		return -1;
	view->ifindex = 0;
	return 0;
}

static bool is_whole(const struct nm_rtnl_link *port, const struct nm_pair_view *view, const char *id,
	const struct nm_attachment *a)
{
	char alias[NM_TAG_SIZE];

	return port->found && port->peer_ifindex == view->ifindex && port->peer_elsewhere &&
		nm_names_is_end(port) && !strcmp(port->name, a->port) &&
		!strcmp(port->alias, nm_names_alias(id, alias));
}

/* Its address is of natmap's making. */
static int check_inside(
	struct nm_netns *ns, const struct nm_attachment *a, unsigned ifindex, struct nm_err *err)
{
	uint8_t mac[NM_LINK_MAC_SIZE];
	struct nm_rtnl_link link;

	if (nm_rtnl_get_link(&ns->nl, ifindex, NULL, &link, err) < 0)
		return -1;
	nm_names_mac(a, mac);
	return !link.found || !memcmp(link.mac, mac, sizeof(mac))
		? 0
		: nm_fail(err, NM_ERR_REFUSED,
			  "the container's interface '" NM_NAMES_CONTAINER
			  "' is one that natmap has not made");
}

int nm_pair_reclaim(struct nm_netlink *rtnl, struct nm_netns *ns, const char *id,
	const struct nm_attachment *a, struct nm_pair_view *view, struct nm_err *err)
{
	struct nm_rtnl_link port;

	view->what[0] = '\0';
	if (!view->ifindex)
		return 0;
	if (nm_rtnl_get_link(rtnl, view->port, NULL, &port, err) < 0)
		return -1;
	if (is_whole(&port, view, id, a))
		return 0;
	if (check_inside(ns, a, view->ifindex, err) < 0 || delete_inside(ns, view->ifindex, err) < 0)
		return -1;
	view->ifindex = 0;
	return 0;
}

/* The host's end */

static void put_pair(struct nm_netlink_request *r, const struct nm_pair *pair, const struct nm_netns *ns)
{
	uint8_t mac[NM_LINK_MAC_SIZE];
	const struct nm_link_new port = {.name = pair->attachment->port, .mtu = pair->bridge->mtu};
	const struct nm_link_new peer = {.name = NM_NAMES_CONTAINER, .mac = mac, .mtu = pair->bridge->mtu};

	nm_names_mac(pair->attachment, mac);
	nm_link_make_pair(r, &port, pair->bridge->ifindex, &peer, ns->fd);
}

static void put_port(struct nm_netlink_request *r, const struct nm_pair *pair)
{
	char alias[NM_TAG_SIZE];
	const struct nm_link_port port = {.name = pair->attachment->port,
		.alias = nm_names_alias(pair->id, alias),
		.hairpin = pair->hairpin,
		.isolated = pair->attachment->isolated,
		.has_ipv6 = pair->attachment->families & NM_IPV6_BIT};

	nm_link_set_port(r, &port);
}

static int fail_full(const struct nm_pair *pair, struct nm_err *err)
{
	return nm_fail(err, NM_ERR_REFUSED,
		"making a port of bridge '%s': it has 1023 ports, and the kernel allows no more",
		pair->attachment->bridge);
}

/* Sets *ret_exists when an interface has the name of one of the two. Only natmap makes such names on the
 * host, so one that exists may get what a new one gets. */
static int try_pair(struct nm_netlink *rtnl, const struct nm_pair *pair, const struct nm_netns *ns,
	bool *ret_exists, struct nm_err *err)
{
	const struct nm_netlink_handler handler = {.tolerate = NM_NETLINK_ERRORS(EEXIST, EXFULL, ENODEV)};
	struct nm_netlink_request r;

	nm_netlink_request_init(&r);
	put_pair(&r, pair, ns);
	put_port(&r, pair);
	if (nm_netlink_talk(rtnl, &r, &handler, err) < 0)
		return nm_wrap(err, "making a port of bridge '%s'", pair->attachment->bridge);
	*ret_exists = rtnl->tolerated == EEXIST;
	return rtnl->tolerated == EXFULL ? fail_full(pair, err) : 0;
}

static int set_former_aside(struct nm_netlink *rtnl, const struct nm_pair *pair, struct nm_err *err)
{
	const char *port = pair->attachment->port;
	char alias[NM_TAG_SIZE];
	struct nm_rtnl_link link;

	if (nm_rtnl_get_link(rtnl, 0, port, &link, err) < 0)
		return -1;
	if (link.found && !nm_names_is_end(&link))
		return nm_fail(err, NM_ERR_REFUSED,
			"making interface '%s': there is one of that name that natmap has not made", port);
	/* ids can be chosen that have the same name */
	if (link.found && strcmp(link.alias, nm_names_alias(pair->id, alias)) != 0)
		return nm_fail(err, NM_ERR_REFUSED,
			"making interface '%s': there is one of that name, of '%s'", port, link.alias);
	if (!link.found)
		return 0;
	return nm_aside_put(rtnl, link.ifindex, err);
}

static int make_pair(
	struct nm_netlink *rtnl, const struct nm_pair *pair, const struct nm_netns *ns, struct nm_err *err)
{
	bool exists;

	if (set_former_aside(rtnl, pair, err) < 0 || try_pair(rtnl, pair, ns, &exists, err) < 0)
		return -1;
	return exists ? nm_fail(err, NM_ERR_FAILED,
				"making interface '%s' and the container's '" NM_NAMES_CONTAINER
				"': one of them exists",
				pair->attachment->port)
		      : 0;
}

/* One that is there, but may have been taken off the bridge. */
int nm_pair_renew_port(struct nm_netlink *rtnl, const struct nm_pair *pair, struct nm_err *err)
{
	const struct nm_netlink_handler handler = {.tolerate = NM_NETLINK_ERRORS(EXFULL)};
	const char *port = pair->attachment->port;
	struct nm_netlink_request r;

	nm_netlink_request_init(&r);
	nm_link_set_master(&r, port, pair->bridge->ifindex);
	put_port(&r, pair);
	if (nm_netlink_talk(rtnl, &r, &handler, err) < 0)
		return nm_wrap(err, "setting up interface '%s'", port);
	return rtnl->tolerated ? fail_full(pair, err) : 0;
}

/* The container's end */

static int set_up(struct nm_netlink *nl, unsigned *ret_ifindex, struct nm_err *err)
{
	struct nm_rtnl_link link = {.found = false};
	const struct nm_netlink_handler handler = {.reply = nm_rtnl_on_link, .ctx = &link};
	struct nm_netlink_request r;

	nm_netlink_request_init(&r);
	nm_link_set_up(&r, "lo");
	nm_link_set_up(&r, NM_NAMES_CONTAINER);
	nm_link_ask(&r, NM_NAMES_CONTAINER);
	if (nm_netlink_talk(nl, &r, &handler, err) < 0)
		return nm_wrap(err, "setting the container's interfaces up");
	*ret_ifindex = link.ifindex;
	return 0;
}

static int configure(struct nm_netlink *nl, const struct nm_attachment *a, struct nm_err *err)
{
	const struct nm_netlink_handler handler = {.tolerate = NM_NETLINK_ERRORS(EEXIST)};
	struct nm_netlink_request r;
	unsigned ifindex;

	if (set_up(nl, &ifindex, err) < 0)
		return -1;
	nm_netlink_request_init(&r);
	nm_each_family(f, a->families) {
		struct nm_prefix gateway = nm_network_gateway(&a->address[f]);

		nm_link_add_address(&r, ifindex, &a->address[f]);
		nm_link_add_default_route(&r, ifindex, &gateway.addr);
	}
	if (nm_netlink_talk(nl, &r, &handler, err) < 0)
		return nm_wrap(err, "giving the container its addresses and routes");
	return 0;
}

int nm_pair_make(struct nm_netlink *rtnl, struct nm_netns *ns, const struct nm_pair *pair,
	const struct nm_pair_view *view, struct nm_err *err)
{
	if (view->ifindex ? nm_pair_renew_port(rtnl, pair, err) < 0 : make_pair(rtnl, pair, ns, err) < 0)
		return -1;
	return configure(&ns->nl, pair->attachment, err);
}

int nm_pair_remove(struct nm_netlink *rtnl, const char *id, const struct nm_attachment *a, struct nm_err *err)
{
	char alias[NM_TAG_SIZE];
	struct nm_rtnl_link link;

	if (nm_rtnl_get_link(rtnl, 0, a->port, &link, err) < 0)
		return nm_wrap(err, "removing interface '%s'", a->port);
	if (!link.found || !nm_names_is_end(&link) || strcmp(link.alias, nm_names_alias(id, alias)) != 0)
		return 0;
	return nm_aside_put(rtnl, link.ifindex, err);
}
