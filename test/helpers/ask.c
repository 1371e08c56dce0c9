/*
 * ask WAIT tcp|udp ADDRESS PORT FROM SOURCE_PORT: sends a line to the server there and prints the line that
 * it answers. Fails when there is none after WAIT seconds, and at once when it is refused. FROM and
 * SOURCE_PORT may be empty.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

#include "peer.h"

/* When the time is over SIGALRM ends the program. */
static void start_clock(double seconds)
{
	struct itimerval timer = {.it_value.tv_sec = (time_t)seconds};

	timer.it_value.tv_usec = (suseconds_t)((seconds - (double)timer.it_value.tv_sec) * 1e6);
	if (setitimer(ITIMER_REAL, &timer, NULL))
		error(2, errno, "setitimer");
}

static int print_answer(int fd)
{
	char text[4096];
	size_t len = 0;
	ssize_t got;

	while ((got = read(fd, text + len, sizeof(text) - len)) > 0) {
		const char *end = memchr(text + len, '\n', (size_t)got);

		len += (size_t)got;
		if (end)
			return fwrite(text, 1, (size_t)(end + 1 - text), stdout) ? 0 : 1;
	}
	return 1;
}

int main(int argc, char *argv[])
{
	if (argc != 7)
		error(2, 0, "expected WAIT tcp|udp ADDRESS PORT FROM SOURCE_PORT");
	start_clock(strtod(argv[1], NULL));

	union peer to = peer_parse(argv[3], argv[4]);
	int fd = peer_socket(argv[2], to.any.sa_family);

	if (*argv[5] || *argv[6]) {
		const char *wildcard = to.any.sa_family == AF_INET6 ? "::" : "0.0.0.0";
		union peer from = peer_parse(*argv[5] ? argv[5] : wildcard, argv[6]);

		peer_bind(fd, &from);
	}
	if (connect(fd, &to.any, peer_len(&to)) || send(fd, "ask\n", 4, MSG_NOSIGNAL) != 4)
		return 1;
	return print_answer(fd);
}
