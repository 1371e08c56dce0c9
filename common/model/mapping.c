/*
 * The grammar of port mappings. An element is parsed from both ends: the protocol after the last slash, the
 * host address before the host port; the rest must be ports. Everything else is refused.
 */
#include "model/mapping.h"

#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "base/text.h"

enum { SHOWN_MAX = 80, TEXT_MAX = 96, ELEMENTS_MAX = 4 * NM_MAPPINGS_MAX /* with those that are repeated */ };

#define FORM "expected [HOST_IP:]HOST_PORT:CONTAINER_PORT[/PROTOCOL]"

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"sctp", IPPROTO_SCTP}};

const char *nm_mapping_protocol_name(uint8_t protocol)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		if (protocols[i].number == protocol)
			return protocols[i].name;
	return "?";
}

int nm_mapping_protocol_parse(const char *text, size_t len, uint8_t *ret)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		if (len == strlen(protocols[i].name) && !strncasecmp(text, protocols[i].name, len)) {
			*ret = protocols[i].number;
			return 0;
		}
	return -1;
}

/* An element during parsing: the part that is left, and the whole for messages. */
struct element {
	const char *text, *whole;
	size_t len, whole_len;
};

static int refuse(const struct element *e, const char *why, struct nm_err *err)
{
	return nm_fail(err, NM_ERR_REFUSED, "port mapping '%.*s%s': %s",
		(int)(e->whole_len < SHOWN_MAX ? e->whole_len : SHOWN_MAX), e->whole,
		e->whole_len > SHOWN_MAX ? "..." : "", why);
}

static void skip(struct element *e, size_t n)
{
	e->text += n;
	e->len -= n;
}

static int take_protocol(struct element *e, struct nm_mapping *m, struct nm_err *err)
{
	const char *slash = memrchr(e->text, '/', e->len);
	size_t len = slash ? (size_t)(e->text + e->len - slash - 1) : 0;

	m->protocol = IPPROTO_TCP;
	if (!slash)
		return 0;
	e->len = (size_t)(slash - e->text);
	if (nm_mapping_protocol_parse(slash + 1, len, &m->protocol) < 0)
		return refuse(e, "the protocol is not tcp, udp or sctp", err);
	return 0;
}

static int check_host(const struct element *e, const struct nm_addr *host, struct nm_err *err)
{
	char why[TEXT_MAX];
	const char *kind = nm_addr_unusable(host);

	if (host->family == NM_IPV6 && nm_addr_is_loopback(host))
		return refuse(e, "::1 cannot be translated to a container", err);
	if (!kind || nm_addr_is_loopback(host))
		return 0;
	(void)snprintf(why, sizeof(why), "a%s %s address cannot be published on",
		strchr("IAEOU", kind[0]) ? "n" : "", kind);
	return refuse(e, why, err);
}

/* Two colons without an address in front: what was meant instead. */
static int refuse_host(const struct element *e, struct nm_err *err)
{
	size_t len = (size_t)((const char *)memchr(e->text, ':', e->len) - e->text);

	if (nm_text_count(e->text, e->len, ':') > 2)
		return refuse(e, "an IPv6 address is written in brackets", err);
	if (strspn(e->text, "0123456789- ") < len)
		return refuse(e, "a name is not a host address: write the address itself", err);
	return refuse(e, FORM, err);
}

/* Takes "ADDRESS:" off. An IPv6 address is in brackets, an IPv4 address is all that has dots. */
static int take_host(struct element *e, struct nm_mapping *m, struct nm_err *err)
{
	bool brackets = e->len > 0 && e->text[0] == '[';
	const char *end = memchr(e->text, brackets ? ']' : ':', e->len);
	size_t len = end ? (size_t)(end - e->text) : 0;

	m->any_host = true;
	m->families = NM_BOTH_FAMILIES;
	if (!brackets && !memchr(e->text, '.', len))
		return nm_text_count(e->text, e->len, ':') > 1 ? refuse_host(e, err) : 0;
	if (!end || (brackets && (len + 1 >= e->len || end[1] != ':')))
		return refuse(e, FORM, err);
	if (nm_addr_parse(e->text + brackets, len - brackets, &m->host) < 0 ||
		m->host.family != (brackets ? NM_IPV6 : NM_IPV4))
		return refuse(
			e, brackets ? "the host address is not IPv6" : "the host address is not IPv4", err);
	skip(e, len + 1 + brackets);
	m->families = 1u << m->host.family;
	m->any_host = nm_addr_is_unspecified(&m->host);
	if (!m->any_host)
		return check_host(e, &m->host, err);
	m->host = (struct nm_addr){0};
	return 0;
}

struct range {
	uint16_t first, last;
	bool is_range;
};

static int refuse_port(const struct element *e, const char *text, size_t len, struct nm_err *err)
{
	if (len == 0)
		return refuse(e, "a port is missing", err);
	if (memchr(text, ' ', len))
		return refuse(e, "a blank beside a port", err);
	if (text[0] == '0' && strspn(text, "0123456789") >= len)
		return refuse(e, "a port is written without leading zeros", err);
	return refuse(e, "a port is not a number from 0 to 65535", err);
}

static int parse_range(
	const struct element *e, const char *text, size_t len, struct range *ret, struct nm_err *err)
{
	const char *dash = memchr(text, '-', len);
	size_t first_len = dash ? (size_t)(dash - text) : len;
	uint64_t first, last;

	if (nm_text_number(text, first_len, UINT16_MAX, &first) < 0)
		return refuse_port(e, text, first_len, err);
	last = first;
	if (dash && nm_text_number(dash + 1, len - first_len - 1, UINT16_MAX, &last) < 0)
		return refuse_port(e, dash + 1, len - first_len - 1, err);
	if (last < first)
		return refuse(e, "the range runs backwards", err);
	*ret = (struct range){.first = (uint16_t)first, .last = (uint16_t)last, .is_range = dash != NULL};
	return 0;
}

static int take_ports(const struct element *e, struct nm_mapping *m, struct nm_err *err)
{
	const char *colon = memchr(e->text, ':', e->len);
	size_t host_len = colon ? (size_t)(colon - e->text) : e->len;
	struct range host = {0}, container;

	if (e->len == 0)
		return refuse(e, FORM, err);
	if (host_len == 0)
		return refuse(e, "the host port is missing; 0 stands for a free one", err);
	if (parse_range(e, e->text, host_len, &host, err) < 0)
		return -1;
	container = host;
	if (colon && parse_range(e, colon + 1, e->len - host_len - 1, &container, err) < 0)
		return -1;
	if (container.first == 0)
		return refuse(e, "there is no container port 0", err);
	if (host.first == 0 && (host.is_range || container.is_range))
		return refuse(e, "host port 0 cannot be in a range", err);
	m->container_port = container.first;
	m->count = (uint16_t)(container.last - container.first + 1);
	if (host.last - host.first == container.last - container.first)
		m->host_port = host.first;
	else if (m->count == 1)
		m->pool = (struct nm_ports){host.first, host.last};
	else
		return refuse(e, "the two ranges are not equally long", err);
	return 0;
}

static int parse_element(struct element *e, struct nm_mappings *list, struct nm_err *err)
{
	struct nm_mapping m = {0};
	char other[NM_MAPPING_STRLEN], why[NM_MAPPING_STRLEN + TEXT_MAX];

	if (e->len == 0)
		return refuse(e, "empty", err);
	if (take_protocol(e, &m, err) < 0 || take_host(e, &m, err) < 0 || take_ports(e, &m, err) < 0)
		return -1;
	if (list->n == NM_MAPPINGS_MAX)
		return refuse(e, "too many mappings", err);
	for (size_t i = 0; i < list->n; i++) {
		if (!nm_mapping_overlaps(&m, &list->v[i]))
			continue;
		if (nm_mapping_equal(&m, &list->v[i]))
			return 0;
		(void)snprintf(why, sizeof(why), "overlaps '%s' of the same container",
			nm_mapping_print(&list->v[i], other));
		return refuse(e, why, err);
	}
	list->v[list->n++] = m;
	return 0;
}

int nm_mappings_parse(const char *text, struct nm_mappings *ret, struct nm_err *err)
{
	nm_automappings struct nm_mappings list = {0};
	struct element e;

	for (size_t n = 0; (e.text = nm_text_list_next(&text, &e.len)); n++) {
		e.whole = e.text;
		e.whole_len = e.len;
		if (n == ELEMENTS_MAX)
			return refuse(&e, "too many mappings", err);
		if (nm_grow(&list, "reading the port mappings", err) < 0 || parse_element(&e, &list, err) < 0)
			return -1;
	}
	*ret = nm_steal(&list);
	return 0;
}

void nm_mappings_done(struct nm_mappings *m)
{
	if (!m)
		return;
	free(m->v);
	*m = (struct nm_mappings){0};
}

static const char *print_host(const struct nm_mapping *m, char buf[static NM_ADDR_STRLEN + 4])
{
	char text[NM_ADDR_STRLEN];

	if (m->any_host && m->families == NM_BOTH_FAMILIES)
		return "";
	if (m->any_host)
		return m->families == NM_IPV4_BIT ? "0.0.0.0:" : "[::]:";
	(void)snprintf(buf, NM_ADDR_STRLEN + 4,
		m->host.family == NM_IPV6 ? "[%s]:" : "%s:", nm_addr_print(&m->host, text));
	return buf;
}

const char *nm_mapping_print(const struct nm_mapping *m, char buf[static NM_MAPPING_STRLEN])
{
	char host[NM_ADDR_STRLEN + 4];
	const char *prefix = print_host(m, host), *protocol = nm_mapping_protocol_name(m->protocol);

	if (!m->host_port && m->pool.first)
		(void)snprintf(buf, NM_MAPPING_STRLEN, "%s%u-%u:%u/%s", prefix, m->pool.first, m->pool.last,
			m->container_port, protocol);
	else if (m->count == 1)
		(void)snprintf(buf, NM_MAPPING_STRLEN, "%s%u:%u/%s", prefix, m->host_port, m->container_port,
			protocol);
	else
		(void)snprintf(buf, NM_MAPPING_STRLEN, "%s%u-%u:%u-%u/%s", prefix, m->host_port,
			m->host_port + m->count - 1u, m->container_port, m->container_port + m->count - 1u,
			protocol);
	return buf;
}

const char *nm_mappings_print(const struct nm_mappings *m, char *buf, size_t size)
{
	struct nm_text t = {.buf = buf, .size = size};
	char text[NM_MAPPING_STRLEN];

	buf[0] = '\0';
	for (size_t i = 0; i < m->n; i++)
		nm_text_put(&t, "%s%s", i > 0 ? " " : "", nm_mapping_print(&m->v[i], text));
	return buf;
}

bool nm_mapping_overlaps(const struct nm_mapping *a, const struct nm_mapping *b)
{
	if (!a->host_port || !b->host_port || a->protocol != b->protocol || !(a->families & b->families))
		return false;
	if (!a->any_host && !b->any_host && !nm_addr_equal(&a->host, &b->host))
		return false;
	return a->host_port < b->host_port + b->count && b->host_port < a->host_port + a->count;
}

static bool is_same_host_port(const struct nm_mapping *a, const struct nm_mapping *b)
{
	return a->host_port == b->host_port &&
		(a->host_port || (a->pool.first == b->pool.first && a->pool.last == b->pool.last));
}

bool nm_mapping_equal(const struct nm_mapping *a, const struct nm_mapping *b)
{
	return a->families == b->families && a->any_host == b->any_host &&
		(a->any_host || nm_addr_equal(&a->host, &b->host)) && a->protocol == b->protocol &&
		is_same_host_port(a, b) && a->container_port == b->container_port && a->count == b->count;
}
