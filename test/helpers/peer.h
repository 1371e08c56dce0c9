/* What the server and the client of the tests share: the address of a socket from its text. */
#ifndef TEST_PEER_H
#define TEST_PEER_H

#include <arpa/inet.h>
#include <errno.h>
#include <error.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

union peer {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static inline socklen_t peer_len(const union peer *peer)
{
	return peer->any.sa_family == AF_INET6 ? sizeof(peer->v6) : sizeof(peer->v4);
}

static inline union peer peer_parse(const char *address, const char *port)
{
	union peer peer = {.any.sa_family = strchr(address, ':') ? AF_INET6 : AF_INET};
	int is_v6 = peer.any.sa_family == AF_INET6;

	/* The port is at the same place in both. */
	peer.v4.sin_port = htons((in_port_t)atoi(port));
	if (inet_pton(peer.any.sa_family, address,
		    is_v6 ? (void *)&peer.v6.sin6_addr : (void *)&peer.v4.sin_addr) != 1)
		error(2, 0, "%s: not an address", address);
	return peer;
}

/* A socket for proto, tcp or udp, and addresses of that family. */
static inline int peer_socket(const char *proto, sa_family_t family)
{
	int fd = socket(family, (strcmp(proto, "udp") ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);

	if (fd < 0)
		error(2, errno, "socket");
	return fd;
}

static inline void peer_bind(int fd, const union peer *peer)
{
	int on = 1;

	if (peer->any.sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)))
		error(2, errno, "IPV6_V6ONLY");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) || bind(fd, &peer->any, peer_len(peer)))
		error(2, errno, "bind");
}

#endif
