/*
 * connect rate|stream SERVER_NETNS SERVER_PORT CLIENT_NETNS ADDRESS PORT MS: what a published port carries.
 *
 * A server listens on SERVER_PORT in one network namespace, a client calls ADDRESS PORT from another, one
 * single-threaded process each, for MS milliseconds.
 *   rate    connections one after the other: the client connects, the server accepts and closes, the client
 *           sees that. By resets, so that neither end keeps ports in TIME-WAIT. Prints connections per
 * second. stream  one connection, on which the client sends as fast as it can. Prints MB per second as
 * received.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BACKLOG = 128, BLOCK_SIZE = 128 * 1024, HANG_S = 30, MS_MAX = 20000 };

static char block[BLOCK_SIZE];

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "connect: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void enter(const char *netns)
{
	int fd = open(netns, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(netns);
	close(fd);
}

static struct sockaddr_in endpoint(const char *address, const char *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};

	errno = EINVAL;
	if (inet_pton(AF_INET, address, &to.sin_addr) != 1 || !to.sin_port)
		die(address);
	return to;
}

/* With resets, closing drops the connection at once, and so does what accept() returns. */
static int open_socket(bool resets)
{
	const struct linger at_once = {.l_onoff = 1};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || (resets && setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)) < 0))
		die("socket");
	return fd;
}

static int listen_on(const char *port, bool resets)
{
	struct sockaddr_in here = endpoint("0.0.0.0", port);
	int fd = open_socket(resets), on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		bind(fd, (struct sockaddr *)&here, sizeof(here)) < 0 || listen(fd, BACKLOG) < 0)
		die("listening");
	return fd;
}

static _Noreturn void serve_rate(int listener)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			die("accepting");
		close(fd);
	}
}

/* Receives to the end, then answers with the number of bytes. */
static _Noreturn void serve_stream(int listener)
{
	int fd = accept(listener, NULL, NULL);
	uint64_t total = 0;
	ssize_t n;

	if (fd < 0)
		die("accepting");
	while ((n = recv(fd, block, sizeof(block), 0)) > 0)
		total += (uint64_t)n;
	if (n < 0 || send(fd, &total, sizeof(total), 0) != sizeof(total))
		die("answering");
	exit(0);
}

/* Returns when the connection has been made, and with resets perhaps closed already by the server. */
static bool call(int fd, const struct sockaddr_in *to)
{
	bool made = connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0;

	/* A reset in answer to the first packet, by which a connection is refused, is ECONNREFUSED. */
	if (!made && errno != ECONNRESET)
		die("connecting");
	return made;
}

static double rate(const struct sockaddr_in *to, int64_t us)
{
	int64_t begin = now_us(), spent;
	uint64_t n = 0;

	do {
		int fd = open_socket(true);

		if (call(fd, to) && (recv(fd, block, 1, 0) >= 0 || errno != ECONNRESET))
			die("waiting for the server to close");
		close(fd);
		n++;
		spent = now_us() - begin;
	} while (spent < us);
	return (double)n * 1e6 / (double)spent;
}

static double stream(const struct sockaddr_in *to, int64_t us)
{
	int fd = open_socket(false);
	uint64_t total = 0;
	int64_t begin;

	if (!call(fd, to))
		die("connecting");
	begin = now_us();
	while (now_us() - begin < us)
		if (send(fd, block, sizeof(block), 0) < 0)
			die("sending");
	if (shutdown(fd, SHUT_WR) < 0 || recv(fd, &total, sizeof(total), MSG_WAITALL) != sizeof(total))
		die("waiting for the server's answer");
	close(fd);
	return (double)total / (double)(now_us() - begin);
}

/* Starts the server, which listens already when this returns and ends with its parent. */
static pid_t start_server(const char *netns, const char *port, bool streams)
{
	pid_t pid;
	int listener;

	enter(netns);
	listener = listen_on(port, !streams);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid > 0) {
		close(listener);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(HANG_S);
	if (streams)
		serve_stream(listener);
	serve_rate(listener);
}

int main(int argc, char **argv)
{
	bool streams = argc == 8 && !strcmp(argv[1], "stream");
	int64_t us = argc == 8 ? (int64_t)atoi(argv[7]) * 1000 : 0;
	struct sockaddr_in to;
	pid_t server;

	if (argc != 8 || (!streams && strcmp(argv[1], "rate") != 0) || us <= 0 || us > MS_MAX * 1000) {
		fputs("usage: connect rate|stream SERVER_NETNS SERVER_PORT CLIENT_NETNS ADDRESS PORT MS\n",
			stderr);
		return 2;
	}
	to = endpoint(argv[5], argv[6]);
	alarm(HANG_S);
	server = start_server(argv[2], argv[3], streams);
	enter(argv[4]);
	printf("%.1f\n", streams ? stream(&to, us) : rate(&to, us));
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	return 0;
}
