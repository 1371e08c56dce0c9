#include "model/network.h"

#include <string.h>

enum {
	HOST_BITS_MIN = 2, /* network, gateway, container, broadcast */
	LENGTH_MIN = 8,
};

const char *nm_network_subnet_invalid(const struct nm_prefix *subnet)
{
	struct nm_prefix network = nm_prefix_network(subnet);
	struct nm_prefix gateway = nm_network_gateway(subnet);

	if (!nm_addr_equal(&network.addr, &subnet->addr))
		return "a network, without host bits";
	if (subnet->len < LENGTH_MIN || subnet->len > nm_addr_bits(subnet->addr.family) - HOST_BITS_MIN)
		return "a network of /8 to /30 for IPv4, of /8 to /126 for IPv6";
	return nm_addr_unusable(&gateway.addr) ? "a network that containers can have" : NULL;
}

struct nm_prefix nm_network_gateway(const struct nm_prefix *p)
{
	struct nm_prefix gateway = nm_prefix_network(p);

	gateway.addr.bytes[nm_addr_size(gateway.addr.family) - 1] |= 1;
	return gateway;
}

bool nm_network_attachment_fits(const struct nm_attachment *a, const struct nm_attachment *b)
{
	nm_each_family(f, a->families & b->families) {
		struct nm_prefix x = nm_prefix_network(&a->address[f]), y = nm_prefix_network(&b->address[f]);

		if (x.len != y.len || !nm_addr_equal(&x.addr, &y.addr))
			return false;
	}
	return a->isolated == b->isolated;
}

bool nm_network_attachment_same(const struct nm_attachment *a, const struct nm_attachment *b)
{
	nm_each_family(f, a->families & b->families)
		if (a->address[f].len != b->address[f].len ||
			!nm_addr_equal(&a->address[f].addr, &b->address[f].addr))
			return false;
	return a->families == b->families && a->isolated == b->isolated && !strcmp(a->bridge, b->bridge) &&
		!strcmp(a->port, b->port);
}
