/*
 * Which packets a mapping takes, is in the layouts (iptables/layout.c, nftables/layout.c): one with a host
 * address those to this address; a wildcard those to every local address but ::1, 127.0.0.0/8 without
 * 127.0.0.1, and link-local ones, of which it leaves the clients alone.
 */
#include "publish/hidden.h"

#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <string.h>

static const struct nm_addr localhost = {.family = NM_IPV4, .bytes = {127, 0, 0, 1}};

void nm_hidden_done(struct nm_hidden *h)
{
	nm_netlink_close(&h->diag);
	nm_rtnl_addresses_done(&h->addresses);
}

static bool is_taken_by_wildcard(const struct nm_hidden *h, const struct nm_addr *a)
{
	const char *why = nm_addr_unusable(a);

	if (nm_addr_equal(a, &localhost))
		return h->localhost;
	return !why && !nm_addr_is_loopback(a);
}

static int read_addresses(struct nm_hidden *h, struct nm_err *err)
{
	nm_autonetlink struct nm_netlink rtnl = {.fd = -1};
	struct nm_rtnl_addresses *all = &h->addresses;
	size_t n = 0;

	if (nm_netlink_open(NETLINK_ROUTE, &rtnl, err) < 0 || nm_rtnl_get_addresses(&rtnl, all, err) < 0)
		return -1;
	for (size_t i = 0; i < all->n; i++)
		if (is_taken_by_wildcard(h, &all->v[i].prefix.addr))
			all->v[n++] = all->v[i];
	all->n = n;
	return 0;
}

int nm_hidden_find(struct nm_hidden *h, const struct nm_mapping *m, unsigned families,
	struct nm_listener *ret, struct nm_err *err)
{
	struct nm_mapping in_use = *m;

	if (h->diag.fd < 0 &&
		(nm_netlink_open(NETLINK_SOCK_DIAG, &h->diag, err) < 0 ||
			(!h->exact && read_addresses(h, err) < 0)))
		return -1;
	if (!h->exact)
		in_use.families &= families;
	return nm_listener_find(&h->diag, &in_use, h->exact ? NULL : &h->addresses, ret, err);
}

const char *nm_hidden_print(
	const struct nm_mapping *m, const struct nm_listener *listener, char buf[static NM_HIDDEN_STRLEN])
{
	char text[NM_MAPPING_STRLEN], who[NM_PROCESS_STRLEN], address[NM_ADDR_STRLEN];

	(void)snprintf(buf, NM_HIDDEN_STRLEN, "port mapping '%s': %s listens on %s, port %u",
		nm_mapping_print(m, text), nm_process_print(listener->control_group, who),
		nm_addr_print(&listener->address, address), listener->port);
	return buf;
}

/* Calls the handler for each such mapping of r. */
static int each_of(struct nm_hidden *h, const struct nm_record *r, nm_hidden_handler *handler, void *ctx,
	struct nm_err *err)
{
	char text[NM_HIDDEN_STRLEN];
	struct nm_listener listener;

	for (size_t i = 0; i < r->mappings.n; i++) {
		const struct nm_mapping *m = &r->mappings.v[i];

		if (nm_hidden_find(h, m, r->families, &listener, err) < 0 ||
			(listener.port && handler(ctx, r, nm_hidden_print(m, &listener, text), err) < 0))
			return -1;
	}
	return 0;
}

int nm_hidden_each(const struct nm_records *records, const struct nm_config *c, nm_hidden_handler *handler,
	void *ctx, struct nm_err *err)
{
	nm_autohidden struct nm_hidden h =
		NM_HIDDEN_INIT(c->listener_check == NM_LISTENER_EXACT, c->layout.localhost);
	size_t n = c->listener_check == NM_LISTENER_OFF ? 0 : records->n;

	for (size_t i = 0; i < n; i++)
		if (each_of(&h, &records->v[i], handler, ctx, err) < 0)
			return -1;
	return 0;
}
