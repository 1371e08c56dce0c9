/* These lines are for the administrator; natmap never reads them. */
#include "publish/audit.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

enum { PORTS_TEXT_SIZE = 512 };

/* "8080:80/tcp 53:53/udp", cut at a reasonable length. */
static const char *print_ports(const struct nm_mappings *m, char buf[static PORTS_TEXT_SIZE])
{
	char text[NM_MAPPING_STRLEN];
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < m->n && used < PORTS_TEXT_SIZE; i++)
		used += (size_t)snprintf(buf + used, PORTS_TEXT_SIZE - used, "%s%s", i > 0 ? " " : "",
			nm_mapping_print(&m->v[i], text));
	return buf;
}

static void audit(const char *verb, const struct nm_record *r)
{
	char ports[PORTS_TEXT_SIZE], ipv4[NM_ADDR_STRLEN] = "", ipv6[NM_ADDR_STRLEN] = "";

	if (r->families & NM_IPV4_BIT)
		nm_addr_print(&r->address[NM_IPV4].addr, ipv4);
	if (r->families & NM_IPV6_BIT)
		nm_addr_print(&r->address[NM_IPV6].addr, ipv6);
	nm_log_audit("%s container '%s': %s to %s%s%s", verb, r->id, print_ports(&r->mappings, ports), ipv4,
		ipv4[0] && ipv6[0] ? " " : "", ipv6);
}

void nm_audit_change(struct nm_claim *claim)
{
	struct nm_records *replaced = &claim->replaced;

	nm_records_keep_newest(replaced);
	for (size_t i = 0; i < replaced->n; i++)
		if (!claim->new || strcmp(replaced->v[i].id, claim->new->id) != 0)
			audit("withdrew", &replaced->v[i]);
	if (claim->new)
		audit("published", claim->new);
}
