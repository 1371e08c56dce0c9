/*
 * What the container's namespace shows is for the container to choose: with CAP_NET_ADMIN it has any address
 * it likes, and a VPN client takes the default route. So the host's route to an address decides.
 */
#include "publish/address.h"

#include <string.h>

#include "base/log.h"
#include "publish/policy.h"

enum { ADDRESSES_MAX = 16 };

int nm_address_keep_families(struct nm_record *r, struct nm_err *err)
{
	unsigned covered = 0;
	char text[NM_MAPPING_STRLEN];

	if (!r->families)
		return nm_fail(err, NM_ERR_FAILED,
			"finding the container's address: no interface has a global address yet; is its "
			"network set up before this hook runs?");
	for (size_t i = 0; i < r->mappings.n; i++) {
		const struct nm_mapping *m = &r->mappings.v[i];

		if (!(m->families & r->families))
			return nm_fail(err, NM_ERR_REFUSED,
				"port mapping '%s': the container has no %s address",
				nm_mapping_print(m, text),
				nm_addr_family_name(m->families & NM_IPV4_BIT ? NM_IPV4 : NM_IPV6));
		covered |= m->families;
	}
	r->families &= covered | r->network.families;
	return 0;
}

/* One choice of addresses. */
struct choice {
	const struct nm_address_source *source;
	struct nm_record *r;
	struct nm_address_choice *ret;
	struct nm_path path; /* to the address tried last */
	unsigned staying;    /* families whose address is that on record */
	enum nm_family family;
	bool taken;
	unsigned refused;  /* interface of the first address */
	struct nm_err why; /* it was refused */
};

static void choice_done(struct choice *c)
{
	nm_path_done(&c->path);
}

static int on_first_address(void *ctx, const struct nm_rtnl_address *address, struct nm_err *err)
{
	struct choice *c = ctx;
	unsigned bit = 1u << c->family;

	(void)err; /* never fails */
	if (!(c->r->families & bit))
		c->r->address[c->family] = address->prefix;
	c->r->families |= bit;
	c->ret[c->family].ifindex = address->ifindex;
	return 1;
}

/* Takes the first address of the family; if there is an address already, only the interface. */
static int find_first_address(struct choice *c, struct nm_err *err)
{
	return nm_netns_each_address(
		c->source->ns, c->family, c->source->st->interface, on_first_address, c, err);
}

static bool is_allowed(const struct nm_address_source *s, const struct nm_addr *address)
{
	return nm_policy_allows_address(&s->config->policy, address);
}

/* Takes an address that need not be the first. False: neither the container nor policy.address has it; of
 * another tool's the container must have it. */
static bool take_given(struct choice *c, const struct nm_prefix *address)
{
	bool is_others = c->source->st->address_from;
	const struct nm_rtnl_address *own =
		c->source->ns ? nm_rtnl_find_address(&c->source->ns->addresses, &address->addr) : NULL;

	if (c->source->ns && !own && (is_others || !is_allowed(c->source, &address->addr)))
		return false;
	c->r->families |= 1u << c->family;
	c->r->address[c->family] = is_others && own ? own->prefix : *address;
	c->ret[c->family].ifindex = own ? own->ifindex : 0;
	return true;
}

static const char *annotation(const struct choice *c)
{
	return c->source->st->address_from ? c->source->st->address_from : "io.natmap.address";
}

static int take_annotated(struct choice *c, const struct nm_prefix *address, struct nm_err *err)
{
	char text[NM_ADDR_STRLEN];

	c->family = address->addr.family;
	if (c->r->families & 1u << c->family)
		return nm_fail(err, NM_ERR_REFUSED, "%s '%s': more than one %s address", annotation(c),
			c->source->st->address, nm_addr_family_name(c->family));
	if (!take_given(c, address))
		return nm_fail(err, NM_ERR_REFUSED, "%s '%s': %s", annotation(c),
			nm_addr_print(&address->addr, text),
			c->source->st->address_from ? "on no interface of the container"
						    : "neither on an interface of the container nor in "
						      "policy.address");
	return 0;
}

static int read_annotated(struct choice *c, struct nm_err *err)
{
	nm_autoprefixes struct nm_prefixes list = {0};

	if (nm_prefixes_parse(
		    c->source->st->address, ADDRESSES_MAX, annotation(c), NM_ERR_REFUSED, &list, err) < 0)
		return -1;
	for (size_t i = 0; i < list.n; i++)
		if (take_annotated(c, &list.v[i], err) < 0)
			return -1;
	return 0;
}

/* An address on record stays if the container has it, or need not have it. */
static void take_known(struct choice *c)
{
	const struct nm_record *known = c->source->known;

	if (known && !c->source->st->interface && known->families & 1u << c->family &&
		take_given(c, &known->address[c->family]))
		c->staying |= 1u << c->family;
}

static int find_addresses(struct choice *c, struct nm_err *err)
{
	const struct nm_address_source *s = c->source;

	if (s->st->address && read_annotated(c, err) < 0)
		return -1;
	for (c->family = NM_IPV4; s->ns && c->family < NM_FAMILY_MAX; c->family++) {
		bool given = c->r->families & 1u << c->family;

		if (!s->st->address)
			take_known(c);
		if ((given || !s->st->address) && !c->ret[c->family].ifindex &&
			find_first_address(c, err) < 0)
			return -1;
	}
	return 0;
}

/* Why the address cannot be published at all. */
static int check_usable(const struct nm_prefix *address, const struct nm_route *route, struct nm_err *err)
{
	char text[NM_PREFIX_STRLEN];
	const char *why = nm_addr_unusable(&address->addr);

	if (!why && route->local)
		why = "the host's own";
	if (!why && route->broadcast)
		why = "broadcast";
	return why ? nm_fail(err, NM_ERR_REFUSED, "container address '%s': %s address",
			     nm_prefix_print(address, text), why)
		   : 0;
}

static int check_route(const struct choice *c, const struct nm_prefix *address, const struct nm_route *route,
	struct nm_err *err)
{
	bool annotated = c->source->st->address && !c->source->st->address_from;
	char text[NM_PREFIX_STRLEN];

	if (check_usable(address, route, err) < 0)
		return -1;
	(void)nm_prefix_print(address, text);
	if (annotated && route->found && address->len < route->prefix_len)
		return nm_fail(err, NM_ERR_REFUSED, "%s '%s': shorter than the host's route, which has /%u",
			annotation(c), text, route->prefix_len);
	if (!route->found)
		return nm_fail(
			err, NM_ERR_FAILED, "container address '%s': the host has no route to it", text);
	return 0;
}

static int refuse_path(struct choice *c, const struct nm_prefix *address, struct nm_err *err)
{
	const struct nm_route *route = &c->ret[c->family].route;
	const struct nm_rtnl_link *inside = &c->source->ns->link;
	char text[NM_PREFIX_STRLEN];

	(void)nm_prefix_print(address, text);
	if (!route->prefix_len)
		return nm_fail(err, NM_ERR_REFUSED,
			"container address '%s': the host has only its default route to it, and "
			"policy.address does not have it",
			text);
	return nm_fail(err, NM_ERR_REFUSED,
		"container address '%s': the host's route to it leaves by '%s', which does not lead to the "
		"container's interface '%s', and policy.address does not have it",
		text, route->out.name, inside->found ? inside->name : "");
}

/* Whether the host's route leads into the container. An address on record, or of the administrator's, may be
 * anywhere. */
static int check_path(
	struct choice *c, const struct nm_prefix *address, struct nm_err *why, struct nm_err *err)
{
	const struct nm_address_source *s = c->source;
	struct nm_address_choice *ret = &c->ret[c->family];

	if (!s->ns)
		return 0;
	if (nm_path_find(s->rtnl, s->ns, ret->ifindex, &ret->route, &c->path, err) < 0)
		return -1;
	ret->port = c->path.port;
	c->taken = c->path.leads_in || c->staying & 1u << c->family || is_allowed(s, &address->addr) ||
		refuse_path(c, address, why) == 0;
	return 0;
}

/* Takes the address of r if its route is right, else keeps the reason. */
static int try_address(struct choice *c, struct nm_err *err)
{
	struct nm_prefix *address = &c->r->address[c->family];
	struct nm_route *route = &c->ret[c->family].route;
	struct nm_err why;

	if (nm_route_lookup(c->source->rtnl, &address->addr, route, err) < 0)
		return -1;
	c->taken = check_route(c, address, route, &why) == 0;
	if (c->taken && check_path(c, address, &why, err) < 0)
		return -1;
	if (!c->taken && c->why.kind == NM_ERR_NONE)
		c->why = why;
	/* CNI's ptp gives a container a /24, but the host routes only its /32; a macvlan is in all of its /24
	 */
	if (c->taken && address->len < route->prefix_len && !(c->source->ns && c->source->ns->link.is_child))
		address->len = route->prefix_len;
	return c->taken;
}

static int on_address(void *ctx, const struct nm_rtnl_address *address, struct nm_err *err)
{
	struct choice *c = ctx;

	if (address->ifindex == c->refused)
		return 0;
	c->r->address[c->family] = address->prefix;
	c->ret[c->family].ifindex = address->ifindex;
	return try_address(c, err);
}

static int leave_out(struct choice *c, struct nm_err *err)
{
	struct nm_record *r = c->r;
	unsigned bit = 1u << c->family;
	const struct nm_record *known = c->source->known;

	if (c->source->st->address || nm_record_names_family(r, c->family) || r->families == bit ||
		(known && known->families & bit)) {
		*err = c->why;
		return -1;
	}
	nm_log_notice(
		"container '%s': not published on %s: %s", r->id, nm_addr_family_name(c->family), c->why.msg);
	r->families &= ~bit;
	return 0;
}

/* Tries the first address before it looks for others; sets c->taken. */
static int try_family(struct choice *c, struct nm_err *err)
{
	const struct nm_address_source *s = c->source;

	c->why.kind = NM_ERR_NONE;
	if (try_address(c, err) < 0)
		return -1;
	if (c->taken)
		return 0;
	c->refused = c->ret[c->family].ifindex;
	return !s->st->address && !(c->staying & 1u << c->family)
		? nm_netns_each_address(s->ns, c->family, s->st->interface, on_address, c, err)
		: 0;
}

static int settle_family(struct choice *c, struct nm_err *err)
{
	if (try_family(c, err) < 0)
		return -1;
	return c->taken ? 0 : leave_out(c, err);
}

int nm_address_choose(const struct nm_address_source *source, struct nm_record *r,
	struct nm_address_choice ret[static NM_FAMILY_MAX], struct nm_err *err)
{
	NM_CLEANUP(choice_done) struct choice c = {.source = source, .r = r, .ret = ret};
	unsigned published = source->known ? source->known->families : 0;

	if (find_addresses(&c, err) < 0)
		return -1;
	published &= r->families;
	if (nm_address_keep_families(r, err) < 0)
		return -1;
	published &= ~r->families; /* by other ports than these */
	r->families |= published & ~c.staying;
	for (c.family = NM_IPV4; c.family < NM_FAMILY_MAX; c.family++)
		if (r->families & 1u << c.family && settle_family(&c, err) < 0)
			return -1;
	r->families |= published & c.staying;
	return 0;
}

/* Whether the container still has the address on record, or need not have it. */
static bool has_still(const struct choice *c)
{
	const struct nm_addr *known = &c->source->known->address[c->family].addr;

	return nm_rtnl_find_address(&c->source->ns->addresses, known) || is_allowed(c->source, known);
}

/* The interface that was asked for may be gone. */
static bool has_interface(struct choice *c)
{
	struct nm_err unknown;
	const char *name = c->source->st->interface;

	return !name ||
		(nm_rtnl_get_link(&c->source->ns->nl, 0, name, &c->source->ns->link, &unknown) == 0 &&
			c->source->ns->link.found);
}

static int renew_family(struct choice *c, struct nm_err *err)
{
	const struct nm_record *known = c->source->known;
	unsigned bit = 1u << c->family;
	struct nm_record *r = c->r;

	c->taken = false;
	r->families &= ~bit;
	if (known->fixed)
		(void)take_given(c, &known->address[c->family]);
	else if (has_interface(c) && find_first_address(c, err) < 0)
		return -1;
	if (r->families & bit && try_family(c, err) < 0)
		return -1;
	if (c->taken)
		return 0;
	r->address[c->family] = known->address[c->family];
	r->families &= ~bit;
	r->held |= bit;
	return 0;
}

int nm_address_renew(const struct nm_address_source *source, struct nm_record *r,
	struct nm_address_choice ret[static NM_FAMILY_MAX], struct nm_err *err)
{
	NM_CLEANUP(choice_done) struct choice c = {.source = source, .r = r, .ret = ret};
	const struct nm_record *known = source->known;

	r->held = 0;
	for (c.family = NM_IPV4; c.family < NM_FAMILY_MAX; c.family++) {
		unsigned bit = 1u << c.family;

		if (!((known->families | known->held) & bit) || (known->families & bit && has_still(&c)))
			continue;
		if (renew_family(&c, err) < 0)
			return -1;
	}
	return 0;
}
