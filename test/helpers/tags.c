/*
 * tags [NAMESPACE [SETTING...]]: prints what natmap has written into comments of rules and of its sets'
 * elements in this network namespace, or the one that is this file, sorted, each once: the texts that begin
 * with "natmap:". Netlink's answers are searched as they are, since a comment is the same text in each of the
 * forms in which iptables and nft write it. Then a line SETTING=VALUE for each SETTING: hairpin/PORT, of a
 * bridge, 0 or 1, or else a file below /proc/sys/net. For tests that ask a thousand times: nft takes ten
 * times as long.
 */
#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PREFIX "natmap:"

struct attr {
	struct nlattr head;
	char text[60];
};

struct request {
	struct nlmsghdr head;
	struct nfgenmsg of;
	struct attr table, set;
};

static struct texts {
	char **text;
	size_t n;
} tags;

static struct requests {
	struct request *request;
	size_t n;
} elements;

static void *one_more(void *list, size_t n, size_t size)
{
	list = reallocarray(list, n + 1, size);
	if (!list)
		error(1, errno, "memory");
	return list;
}

static void keep_tags(const struct nlmsghdr *message)
{
	const char *at = (const char *)message, *end = at + message->nlmsg_len;

	for (; (at = memmem(at, (size_t)(end - at), PREFIX, strlen(PREFIX))); at++) {
		tags.text = one_more(tags.text, tags.n, sizeof(*tags.text));
		tags.text[tags.n++] = strndup(at, (size_t)(end - at));
	}
}

static struct request dump_of(uint16_t type, uint8_t family)
{
	return (struct request){.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg)),
					.nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type),
					.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.of.nfgen_family = family};
}

/* A dump of the set's elements, when it is natmap's. An answer begins with the table's name and the set's. */
static void keep_set(const struct nlmsghdr *message)
{
	const struct nfgenmsg *of = NLMSG_DATA(message);
	const struct nlattr *table = (const struct nlattr *)(of + 1);
	const struct nlattr *name =
		(const struct nlattr *)((const char *)table + NLMSG_ALIGN(table->nla_len));
	struct request request = dump_of(NFT_MSG_GETSETELEM, of->nfgen_family);

	if (table->nla_type != NFTA_SET_TABLE || name->nla_type != NFTA_SET_NAME)
		error(1, 0, "an answer of another form");
	if (strcmp((const char *)(table + 1), "natmap") != 0)
		return;
	request.head.nlmsg_len = sizeof(request);
	request.table.head =
		(struct nlattr){.nla_type = NFTA_SET_ELEM_LIST_TABLE, .nla_len = sizeof(struct attr)};
	request.set.head =
		(struct nlattr){.nla_type = NFTA_SET_ELEM_LIST_SET, .nla_len = sizeof(struct attr)};
	snprintf(request.table.text, sizeof(request.table.text), "natmap");
	snprintf(request.set.text, sizeof(request.set.text), "%s", (const char *)(name + 1));
	elements.request = one_more(elements.request, elements.n, sizeof(request));
	elements.request[elements.n++] = request;
}

static void dump(int fd, const struct request *request, void (*keep)(const struct nlmsghdr *message))
{
	static union {
		struct nlmsghdr head;
		char bytes[1 << 16];
	} answer;
	struct nlmsghdr *message;
	ssize_t got;

	if (send(fd, request, request->head.nlmsg_len, 0) < 0)
		error(1, errno, "send");
	while ((got = recv(fd, &answer, sizeof(answer), 0)) > 0) {
		size_t left = (size_t)got;

		for (message = &answer.head; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
			if (message->nlmsg_type == NLMSG_DONE)
				return;
			if (message->nlmsg_type == NLMSG_ERROR)
				error(1, -((struct nlmsgerr *)NLMSG_DATA(message))->error, "dump");
			keep(message);
		}
	}
	error(1, errno, "recv");
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_tags(void)
{
	struct request rules = dump_of(NFT_MSG_GETRULE, AF_UNSPEC), sets = dump_of(NFT_MSG_GETSET, AF_UNSPEC);
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

	if (fd < 0)
		error(1, errno, "socket");
	dump(fd, &rules, keep_tags);
	dump(fd, &sets, keep_set);
	for (size_t i = 0; i < elements.n; i++)
		dump(fd, &elements.request[i], keep_tags);
	if (tags.n)
		qsort(tags.text, tags.n, sizeof(*tags.text), compare);
	for (size_t i = 0; i < tags.n; i++)
		if (!i || strcmp(tags.text[i], tags.text[i - 1]) != 0)
			puts(tags.text[i]);
	close(fd);
}

static const struct rtattr *find(const void *attrs, size_t len, unsigned type)
{
	const struct rtattr *attr = attrs;

	for (; RTA_OK(attr, len); attr = RTA_NEXT(attr, len))
		if ((attr->rta_type & NLA_TYPE_MASK) == type)
			return attr;
	return NULL;
}

static const struct rtattr *find_within(const struct rtattr *nest, unsigned type)
{
	return nest ? find(RTA_DATA(nest), RTA_PAYLOAD(nest), type) : NULL;
}

static int hairpin_of(const char *port)
{
	static union {
		struct nlmsghdr head;
		char bytes[1 << 14];
	} answer;
	struct {
		struct nlmsghdr head;
		struct ifinfomsg link;
	} request = {.head = {.nlmsg_len = sizeof(request),
			     .nlmsg_type = RTM_GETLINK,
			     .nlmsg_flags = NLM_F_REQUEST},
		.link.ifi_index = (int)if_nametoindex(port)};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	const struct rtattr *mode;

	if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0 ||
		recv(fd, &answer, sizeof(answer), 0) < 0 || answer.head.nlmsg_type != RTM_NEWLINK)
		error(1, errno, "%s", port);
	mode = find_within(
		find(IFLA_RTA(NLMSG_DATA(&answer.head)), IFLA_PAYLOAD(&answer.head), IFLA_LINKINFO),
		IFLA_INFO_SLAVE_DATA);
	mode = find_within(mode, IFLA_BRPORT_MODE);
	if (!mode)
		error(1, 0, "%s: no port of a bridge", port);
	close(fd);
	return *(const char *)RTA_DATA(mode);
}

static void print_setting(const char *name)
{
	char path[128], value[32] = "";
	int fd;

	if (!strncmp(name, "hairpin/", strlen("hairpin/"))) {
		printf("%s=%d\n", name, hairpin_of(name + strlen("hairpin/")));
		return;
	}
	snprintf(path, sizeof(path), "/proc/sys/net/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, value, sizeof(value) - 1) < 0)
		error(1, errno, "%s", path);
	close(fd);
	printf("%s=%s\n", name, strtok(value, "\n"));
}

int main(int argc, char *argv[])
{
	int fd = argc > 1 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;

	if (argc > 1 && (fd < 0 || setns(fd, CLONE_NEWNET)))
		error(1, errno, "%s", argv[1]);
	print_tags();
	for (int i = 2; i < argc; i++)
		print_setting(argv[i]);
	return 0;
}
