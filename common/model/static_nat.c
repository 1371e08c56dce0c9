/* Static NAT entries: their names, their form for people, and their conflicts with mappings. */
#include "model/static_nat.h"

#include "base/text.h"

void nm_static_nats_done(struct nm_static_nats *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].name);
		free(s->v[i].owner);
		free(s->v[i].ports);
	}
	free(s->v);
	*s = (struct nm_static_nats){0};
}

const char *nm_static_nat_kind_name(enum nm_static_kind kind)
{
	static const char *const names[NM_STATIC_KIND_MAX] = {
		[NM_STATIC_DNAT] = "dnat",
		[NM_STATIC_SNAT] = "snat",
		[NM_STATIC_HAIRPIN] = "hairpin",
	};

	return names[kind];
}

static bool has_port_of(const struct nm_static_nat *s, struct nm_ports ports)
{
	for (size_t i = 0; i < s->n_ports; i++)
		if (s->ports[i].first <= ports.last && ports.first <= s->ports[i].last)
			return true;
	return false;
}

bool nm_static_nat_ports_intersect(const struct nm_static_nat *a, const struct nm_static_nat *b)
{
	for (size_t i = 0; i < b->n_ports; i++)
		if (has_port_of(a, b->ports[i]))
			return true;
	return false;
}

bool nm_static_nat_overlaps(const struct nm_static_nat *s, const struct nm_mapping *m)
{
	struct nm_ports ports = {m->host_port, (uint16_t)(m->host_port + m->count - 1)};

	/* these two translate no packets to the host */
	if (s->kind == NM_STATIC_SNAT || (s->kind == NM_STATIC_HAIRPIN && s->has_lan))
		return false;
	if (s->protocol != m->protocol || !(m->families & 1u << s->family))
		return false;
	if (s->has_external && !m->any_host && !nm_addr_equal(&s->external, &m->host))
		return false;
	return has_port_of(s, ports);
}

/* "203.0.113.43:25,8000-8010/tcp", "25/tcp" */
static void put_service(struct nm_text *t, const struct nm_static_nat *s)
{
	char addr[NM_ADDR_STRLEN];

	if (s->has_external)
		nm_text_put(t, s->family == NM_IPV6 ? "[%s]:" : "%s:", nm_addr_print(&s->external, addr));
	for (size_t i = 0; i < s->n_ports; i++)
		nm_text_put(t, s->ports[i].first == s->ports[i].last ? "%s%u" : "%s%u-%u", i ? "," : "",
			s->ports[i].first, s->ports[i].last);
	nm_text_put(t, "/%s", nm_mapping_protocol_name(s->protocol));
}

/* An address, or a network with its length. */
static void put_prefix(struct nm_text *t, const struct nm_prefix *p)
{
	struct nm_prefix network = nm_prefix_network(p);
	char text[NM_PREFIX_STRLEN];

	if (p->len == nm_addr_bits(p->addr.family))
		nm_text_put(t, "%s", nm_addr_print(&p->addr, text));
	else
		nm_text_put(t, "%s", nm_prefix_print(&network, text));
}

static void put_interface(struct nm_text *t, const struct nm_static_nat *s)
{
	if (s->interface[0])
		nm_text_put(t, " on %s", s->interface);
}

const char *nm_static_nat_print(const struct nm_static_nat *s, char buf[static NM_STATIC_STRLEN])
{
	struct nm_text t = {.buf = buf, .size = NM_STATIC_STRLEN};
	char addr[NM_ADDR_STRLEN];

	switch (s->kind) {
	case NM_STATIC_SNAT:
		put_prefix(&t, &s->internal);
		put_interface(&t, s);
		nm_text_put(&t, " as %s", nm_addr_print(&s->external, addr));
		return buf;
	case NM_STATIC_HAIRPIN:
		put_prefix(&t, s->has_lan ? &s->lan : &s->internal);
		nm_text_put(&t, " via ");
		break;
	default:
		break;
	}
	put_service(&t, s);
	put_interface(&t, s);
	nm_text_put(&t, " -> ");
	put_prefix(&t, &s->internal);
	return buf;
}

int nm_static_nats_check_conflict(
	const struct nm_static_nats *s, const struct nm_mappings *m, struct nm_err *err)
{
	char text[NM_MAPPING_STRLEN];

	for (size_t i = 0; i < m->n; i++)
		for (size_t j = 0; j < s->n; j++)
			if (nm_static_nat_overlaps(&s->v[j], &m->v[i]))
				return nm_fail(err, NM_ERR_TAKEN,
					"port mapping '%s': the host port is taken by static %s rule '%s'",
					nm_mapping_print(&m->v[i], text),
					nm_static_nat_kind_name(s->v[j].kind), s->v[j].name);
	return 0;
}
