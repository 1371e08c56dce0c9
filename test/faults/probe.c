/*
 * probe FILE PORT IPV4 IPV6: asks the servers behind a published port all the time, with a new flow each
 * time, so that each answer needs the rules; and sends a line through a connection that stays open. FILE, of
 * struct probe, counts what was not answered within three seconds: what a rule drops is never answered.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "../helpers/peer.h"
#include "probe.h"

enum { PATIENCE_S = 3, GAP_US = 3000, TCP_EACH = 16 };

static const char *port;

static int connect_to(const char *proto, const char *address)
{
	const struct timeval patience = {.tv_sec = PATIENCE_S};
	const struct linger reset = {.l_onoff = 1};
	union peer to = peer_parse(address, port);
	int fd = peer_socket(proto, to.any.sa_family);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (connect(fd, &to.any, peer_len(&to)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int is_answered(int fd)
{
	char answer[64];

	return fd >= 0 && send(fd, "?\n", 2, MSG_NOSIGNAL) == 2 && recv(fd, answer, sizeof(answer), 0) > 0;
}

static void ask(struct probe *probe, const char *proto, const char *address)
{
	int fd = connect_to(proto, address);

	probe->asked++;
	probe->missed += !is_answered(fd);
	if (fd >= 0)
		close(fd);
}

static void ask_flow(struct probe *probe, int *flow, const char *address)
{
	if (*flow < 0)
		*flow = connect_to("tcp", address);
	probe->lines++;
	if (is_answered(*flow))
		return;
	probe->broken++;
	close(*flow);
	*flow = -1;
}

static void wait_to_go(struct probe *probe, int *flow)
{
	while (!probe->go) {
		if (*flow >= 0)
			close(*flow);
		*flow = -1;
		probe->paused = 1;
		usleep(GAP_US);
	}
	probe->paused = 0;
}

int main(int argc, char *argv[])
{
	int fd = argc == 5 ? open(argv[1], O_RDWR | O_CLOEXEC) : -1, flow = -1;
	struct probe *probe = mmap(NULL, sizeof(*probe), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (probe == MAP_FAILED)
		error(2, errno, "usage: see the source");
	port = argv[2];
	for (unsigned i = 0;; i++) {
		wait_to_go(probe, &flow);
		ask(probe, i % TCP_EACH ? "udp" : "tcp", argv[3 + (i / TCP_EACH + i) % 2]);
		ask_flow(probe, &flow, argv[3]);
		usleep(GAP_US);
	}
}
