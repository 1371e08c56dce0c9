/* Port numbers as text. */
#include "base/port.h"

#include <string.h>

#include "base/text.h"

int nm_port_range_parse(const char *text, size_t len, uint16_t *ret_first, uint16_t *ret_last)
{
	const char *dash = memchr(text, '-', len);
	size_t first_len = dash ? (size_t)(dash - text) : len;
	uint64_t first, last;

	if (nm_text_number(text, first_len, UINT16_MAX, &first) < 0)
		return -1;
	last = first;
	if (dash && nm_text_number(dash + 1, len - first_len - 1, UINT16_MAX, &last) < 0)
		return -1;
	if (first == 0 || first > last)
		return -1;
	*ret_first = (uint16_t)first;
	*ret_last = (uint16_t)last;
	return 0;
}

int nm_port_set_parse(const char *text, struct nm_port_set *ret)
{
	struct nm_port_set set = {0};
	uint16_t first, last;
	const char *element;
	size_t len;

	if (!*text)
		text = NULL; /* the empty set, not one empty element */
	while ((element = nm_text_list_next(&text, &len))) {
		if (nm_port_range_parse(element, len, &first, &last) < 0)
			return -1;
		for (unsigned port = first; port <= last; port++)
			nm_port_set_add(&set, (uint16_t)port);
	}
	*ret = set;
	return 0;
}

void nm_port_set_add(struct nm_port_set *s, uint16_t port)
{
	s->bits[port / 8] |= (uint8_t)(1u << port % 8);
}

bool nm_port_set_has(const struct nm_port_set *s, uint16_t port)
{
	return s->bits[port / 8] & 1u << port % 8;
}

bool nm_port_set_meets(const struct nm_port_set *s, struct nm_ports ports)
{
	unsigned port = ports.first;

	while (port <= ports.last && !nm_port_set_has(s, (uint16_t)port))
		port += s->bits[port / 8] ? 1 : 8 - port % 8; /* a byte of none is passed over */
	return port <= ports.last;
}
