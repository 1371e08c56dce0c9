#include "picture.h"

#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Below /proc/sys/net: those that belong to no interface. */
static const char *const settings[] = {"ipv4/ip_forward", "ipv4/conf/all/forwarding",
	"ipv4/conf/all/route_localnet", "ipv4/conf/all/rp_filter", "ipv4/conf/all/arp_ignore",
	"ipv4/conf/default/forwarding", "ipv4/conf/default/route_localnet", "ipv4/conf/default/rp_filter",
	"ipv6/conf/all/forwarding", "ipv6/conf/all/accept_ra", "ipv6/conf/default/forwarding",
	"ipv6/conf/default/accept_ra", "ipv6/conf/default/accept_dad"};

void picture_add(struct picture *p, const char *format, ...)
{
	va_list args;

	p->line = reallocarray(p->line, p->n + 1, sizeof(*p->line));
	va_start(args, format);
	if (!p->line || vasprintf(&p->line[p->n], format, args) < 0)
		error(2, errno, "a picture");
	va_end(args);
	p->n++;
}

void picture_attrs(const void *at, size_t len, const struct nlattr **ret, unsigned max)
{
	const char *end = (const char *)at + len;

	memset(ret, 0, max * sizeof(*ret));
	for (const struct nlattr *attr = at;
		(const char *)(attr + 1) <= end && attr->nla_len >= sizeof(*attr);
		attr = picture_next(attr)) {
		unsigned type = attr->nla_type & (unsigned)NLA_TYPE_MASK;

		if (type < max)
			ret[type] = attr;
	}
}

void picture_attrs_of(const struct nlmsghdr *message, size_t header, const struct nlattr **ret, unsigned max)
{
	size_t skip = NLMSG_LENGTH(NLMSG_ALIGN(header));

	picture_attrs((const char *)message + skip, message->nlmsg_len - skip, ret, max);
}

/* 0: done; -1: others have interrupted it. */
static int dump_once(int fd, const struct nlmsghdr *request,
	void (*keep)(void *ctx, const struct nlmsghdr *message), void *ctx)
{
	static union {
		struct nlmsghdr head;
		char bytes[1 << 16];
	} answer;
	int interrupted = 0;
	ssize_t got;

	if (send(fd, request, request->nlmsg_len, 0) < 0)
		error(2, errno, "a picture: send");
	while ((got = recv(fd, &answer, sizeof(answer), 0)) > 0) {
		size_t left = (size_t)got;

		for (struct nlmsghdr *m = &answer.head; NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
			interrupted |= m->nlmsg_flags & NLM_F_DUMP_INTR;
			if (m->nlmsg_type == NLMSG_DONE)
				return interrupted ? -1 : 0;
			if (m->nlmsg_type == NLMSG_ERROR)
				return -1; /* a set or an interface has gone meanwhile */
			keep(ctx, m);
		}
	}
	error(2, errno, "a picture: recv");
	return -1;
}

void picture_dump(int fd, const struct nlmsghdr *request,
	void (*keep)(void *ctx, const struct nlmsghdr *message), void (*restart)(void *ctx), void *ctx)
{
	for (int i = 0; i < 100; i++) {
		if (dump_once(fd, request, keep, ctx) == 0)
			return;
		restart(ctx);
	}
	error(2, 0, "a picture: interrupted too often");
}

static void add_settings(struct picture *p)
{
	char path[96], value[32];

	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		int fd;
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/sys/net/%s", settings[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, value, sizeof(value) - 1);
		if (n < 0)
			error(2, errno, "%s", path);
		close(fd);
		value[n] = '\0';
		picture_add(p, "setting %s %s", settings[i], strtok(value, "\n"));
	}
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void picture_take(struct picture *ret, const struct picture_ns *others, size_t n)
{
	static struct picture_ns host = {.name = "host", .rtnl = -1};

	if (host.rtnl < 0)
		host.rtnl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	*ret = (struct picture){0};
	picture_add_rules(ret);
	picture_add_links(ret, &host);
	for (size_t i = 0; i < n; i++)
		picture_add_links(ret, &others[i]);
	add_settings(ret);
	qsort(ret->line, ret->n, sizeof(*ret->line), compare);
}

void picture_done(struct picture *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->line[i]);
	free(p->line);
	*p = (struct picture){0};
}

int picture_same(const struct picture *a, const struct picture *b)
{
	if (a->n != b->n)
		return 0;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->line[i], b->line[i]) != 0)
			return 0;
	return 1;
}

void picture_print_difference(const struct picture *expected, const struct picture *found)
{
	size_t i = 0, j = 0;

	while (i < expected->n || j < found->n) {
		int order = i == expected->n ? 1
			: j == found->n      ? -1
					     : strcmp(expected->line[i], found->line[j]);

		if (order < 0)
			printf("    - %s\n", expected->line[i]);
		else if (order > 0)
			printf("    + %s\n", found->line[j]);
		i += order <= 0;
		j += order >= 0;
	}
}
