/* Names of the protocols whose ports can be published. */
#include "model/protocol.h"

#include <netinet/in.h>
#include <string.h>

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"sctp", IPPROTO_SCTP}};

const char *nm_protocol_name(uint8_t protocol)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		if (protocols[i].number == protocol)
			return protocols[i].name;
	return "?";
}

int nm_protocol_parse(const char *text, size_t len, uint8_t *ret)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++)
		if (len == strlen(protocols[i].name) && !strncasecmp(text, protocols[i].name, len)) {
			*ret = protocols[i].number;
			return 0;
		}
	return -1;
}
