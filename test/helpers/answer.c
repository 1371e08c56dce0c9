/*
 * answer tcp|udp PORT TEXT ADDRESS...: answers every line that comes to it there with TEXT, in which %p
 * becomes the address of the peer.
 */
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "peer.h"

#define MAX_SOCKETS 4096

static struct pollfd sockets[MAX_SOCKETS];
static nfds_t socket_count, listener_count;
static int is_stream;
static const char *text;

static void add(int fd)
{
	if (socket_count == MAX_SOCKETS)
		error(2, 0, "too many connections");
	sockets[socket_count++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

static void listen_on(const char *proto, const char *address, const char *port)
{
	union peer at = peer_parse(address, port);
	int fd = peer_socket(proto, at.any.sa_family);

	peer_bind(fd, &at);
	if (is_stream && listen(fd, SOMAXCONN))
		error(2, errno, "listen");
	add(fd);
}

static size_t make_answer(char *out, size_t size, const union peer *peer)
{
	const void *bytes =
		peer->any.sa_family == AF_INET6 ? (const void *)&peer->v6.sin6_addr : &peer->v4.sin_addr;
	char address[INET6_ADDRSTRLEN];
	const char *mark = strstr(text, "%p");
	int before = mark ? (int)(mark - text) : (int)strlen(text);

	inet_ntop(peer->any.sa_family, bytes, address, sizeof(address));
	return (size_t)snprintf(
		out, size, "%.*s%s%s\n", before, text, mark ? address : "", mark ? mark + 2 : "");
}

/* Answers what has come to this socket; 0 when its peer has closed it. */
static int answer(int fd)
{
	union peer peer = {0};
	socklen_t len = sizeof(peer);
	char in[4096], out[4096];
	ssize_t got = recvfrom(fd, in, sizeof(in), 0, &peer.any, &len);

	if (got < 0 || (is_stream && (got == 0 || getpeername(fd, &peer.any, &(socklen_t){sizeof(peer)}))))
		return 0;

	size_t out_len = make_answer(out, sizeof(out), &peer);

	for (ssize_t i = 0; i < got; i++)
		if (in[i] == '\n')
			sendto(fd, out, out_len, MSG_NOSIGNAL, is_stream ? NULL : &peer.any,
				is_stream ? 0 : len);
	return 1;
}

static void serve(nfds_t i)
{
	if (i < listener_count && is_stream) {
		int fd = accept4(sockets[i].fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			add(fd);
	} else if (!answer(sockets[i].fd) && is_stream) {
		close(sockets[i].fd);
		sockets[i] = sockets[--socket_count];
	}
}

int main(int argc, char *argv[])
{
	if (argc < 5)
		error(2, 0, "expected tcp|udp PORT TEXT ADDRESS...");
	is_stream = !strcmp(argv[1], "tcp");
	text = argv[3];
	for (int i = 4; i < argc; i++)
		listen_on(argv[1], argv[i], argv[2]);
	listener_count = socket_count;
	puts("ready");
	fclose(stdout);
	while (poll(sockets, socket_count, -1) > 0)
		for (nfds_t i = socket_count; i-- > 0;)
			if (sockets[i].revents)
				serve(i);
	error(2, errno, "poll");
}
