#include "model/publication.h"

#include <stdio.h>

bool nm_publication_needs_localnet(const struct nm_mapping *m, const struct nm_layout_options *options)
{
	return options->localhost && m->families & NM_IPV4_BIT &&
		(m->any_host || nm_addr_is_loopback(&m->host));
}

const char *nm_publication_guard_owner(const char *interface, char buf[static NM_PUBLICATION_GUARD_SIZE])
{
	(void)snprintf(buf, NM_PUBLICATION_GUARD_SIZE, NM_PUBLICATION_GUARD "%s", interface);
	return buf;
}

const char *nm_publication_forward_owner(const char *interface, char buf[static NM_PUBLICATION_GUARD_SIZE])
{
	(void)snprintf(buf, NM_PUBLICATION_GUARD_SIZE, NM_PUBLICATION_FORWARD "%s", interface);
	return buf;
}
