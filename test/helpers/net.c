/*
 * net up PREFIX: makes the network of the tests, as net.bash draws it: the namespaces /run/netns/PREFIX-NODE
 * with all their interfaces, addresses and routes. Returns when packets pass.
 * net down NAMESPACE...: removes namespaces, which are such files.
 *
 * Each test does both: it stands for a dozen runs of ip and sh, which take several times as long.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum node { HOST, CTR, CTR2, EXT, N_NODES };

static const char *const node_names[] = {"host", "ctr", "ctr2", "ext"};

/* Below /proc/sys/net. Without duplicate address detection an address is usable at once. */
static const char *const no_dad = "ipv6/conf/default/accept_dad=0",
			 *const host_settings[] = {"ipv4/ip_forward=1", "ipv6/conf/all/forwarding=1"};

/* Pairs: the host's end, and eth0 of the node. */
static const struct {
	const char *name, *master;
	enum node peer;
} links[] = {{"vctr", "br0", CTR}, {"vctr2", "br0", CTR2}, {"up0", NULL, EXT}};

static const struct {
	enum node node;
	const char *interface, *address, *gateway;
	unsigned char len;
	int is_deprecated;
} addresses[] = {
	{HOST, "br0", "10.88.7.1", NULL, 24, 0},
	{HOST, "br0", "fd00:7::1", NULL, 64, 0},
	{HOST, "up0", "192.0.2.1", NULL, 24, 0},
	{HOST, "up0", "192.0.2.3", NULL, 24, 0},
	{HOST, "up0", "fd00:99::1", NULL, 64, 0},
	{HOST, "up0", "fd00:99::3", NULL, 64, 1},
	{CTR, "eth0", "10.88.7.2", "10.88.7.1", 24, 0},
	{CTR, "eth0", "fd00:7::2", "fd00:7::1", 64, 0},
	{CTR2, "eth0", "10.88.7.3", "10.88.7.1", 24, 0},
	{CTR2, "eth0", "fd00:7::3", "fd00:7::1", 64, 0},
	{EXT, "eth0", "192.0.2.2", "192.0.2.1", 24, 0},
	{EXT, "eth0", "192.0.2.9", NULL, 24, 0},
	{EXT, "eth0", "fd00:99::2", "fd00:99::1", 64, 0},
};

static struct netns {
	char path[108];
	int fd, rtnl, inet;
} namespaces[N_NODES];

static union message {
	struct nlmsghdr head;
	char bytes[1024];
} message;

static void begin(uint16_t type, const void *payload, size_t len)
{
	memset(&message, 0, sizeof(message));
	message.head = (struct nlmsghdr){.nlmsg_len = (uint32_t)NLMSG_LENGTH(len),
		.nlmsg_type = type,
		.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE};
	memcpy(NLMSG_DATA(&message.head), payload, len);
}

static struct rtattr *put(uint16_t type, const void *data, size_t len)
{
	struct rtattr *attr = (struct rtattr *)(message.bytes + NLMSG_ALIGN(message.head.nlmsg_len));

	attr->rta_type = type;
	attr->rta_len = (uint16_t)RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(attr), data, len);
	message.head.nlmsg_len = NLMSG_ALIGN(message.head.nlmsg_len) + (uint32_t)RTA_SPACE(len);
	return attr;
}

static void put_text(uint16_t type, const char *text)
{
	put(type, text, strlen(text) + 1);
}

static void close_nest(struct rtattr *nest)
{
	nest->rta_len = (uint16_t)(message.bytes + message.head.nlmsg_len - (char *)nest);
}

static void talk(enum node node, const char *what)
{
	union message answer;
	const struct nlmsgerr *ack = NLMSG_DATA(&answer.head);

	if (send(namespaces[node].rtnl, &message, message.head.nlmsg_len, 0) < 0 ||
		recv(namespaces[node].rtnl, &answer, sizeof(answer), 0) < 0)
		error(1, errno, "%s", what);
	if (answer.head.nlmsg_type != NLMSG_ERROR || ack->error)
		error(1, -ack->error, "%s on %s", what, node_names[node]);
}

static struct ifreq ask(enum node node, const char *interface, unsigned long request)
{
	struct ifreq asked = {0};

	snprintf(asked.ifr_name, sizeof(asked.ifr_name), "%s", interface);
	if (ioctl(namespaces[node].inet, request, &asked))
		error(1, errno, "%s on %s", interface, node_names[node]);
	return asked;
}

static int index_of(enum node node, const char *interface)
{
	return ask(node, interface, SIOCGIFINDEX).ifr_ifindex;
}

static void set_up(enum node node, int index)
{
	struct ifinfomsg link = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};

	begin(RTM_NEWLINK, &link, sizeof(link));
	talk(node, "a link");
}

static void set(const char *setting)
{
	char path[128];
	const char *value = strchr(setting, '=') + 1;
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/%.*s", (int)(value - 1 - setting), setting);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		error(1, errno, "%s", setting);
	close(fd);
}

/* Makes it, with a file that holds it, and opens sockets there, which stay there. */
static void make_namespace(enum node node)
{
	struct netns *ns = &namespaces[node];
	int file = open(ns->path, O_CREAT | O_EXCL | O_CLOEXEC, 0);

	if (file < 0 || close(file) || unshare(CLONE_NEWNET) ||
		mount("/proc/self/ns/net", ns->path, NULL, MS_BIND, NULL))
		error(1, errno, "%s", ns->path);
	ns->fd = open(ns->path, O_RDONLY | O_CLOEXEC);
	ns->rtnl = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ns->inet = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (ns->fd < 0 || ns->rtnl < 0 || ns->inet < 0)
		error(1, errno, "%s", ns->path);
	set(no_dad);
	for (size_t i = 0; node == HOST && i < sizeof(host_settings) / sizeof(*host_settings); i++)
		set(host_settings[i]);
	set_up(node, index_of(node, "lo"));
}

static void begin_link(const char *name, const char *kind, struct rtattr **info)
{
	struct ifinfomsg up = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};

	begin(RTM_NEWLINK, &up, sizeof(up));
	put_text(IFLA_IFNAME, name);
	*info = put(IFLA_LINKINFO, NULL, 0);
	put_text(IFLA_INFO_KIND, kind);
}

/* One that asks nobody for groups: the answer would be an entry of connection tracking at any time, and
 * natmap looks through those when there are any, which takes longer than all else it does. */
static void make_bridge(const char *name)
{
	struct rtattr *info, *data;
	unsigned char off = 0;

	begin_link(name, "bridge", &info);
	data = put(IFLA_INFO_DATA, NULL, 0);
	put(IFLA_BR_MCAST_SNOOPING, &off, sizeof(off));
	close_nest(data);
	close_nest(info);
	talk(HOST, name);
}

static void make_veth(const char *name, const char *master, enum node peer)
{
	struct ifinfomsg eth0 = {0};
	struct rtattr *info, *data, *other;
	int index = master ? index_of(HOST, master) : 0;

	begin_link(name, "veth", &info);
	data = put(IFLA_INFO_DATA, NULL, 0);
	other = put(VETH_INFO_PEER, &eth0, sizeof(eth0));
	put_text(IFLA_IFNAME, "eth0");
	put(IFLA_NET_NS_FD, &namespaces[peer].fd, sizeof(int));
	close_nest(other);
	close_nest(data);
	close_nest(info);
	if (master)
		put(IFLA_MASTER, &index, sizeof(index));
	talk(HOST, name);
	set_up(peer, index_of(peer, "eth0"));
}

static size_t parse(const char *text, unsigned char *family, unsigned char binary[16])
{
	*family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(*family, text, binary) != 1)
		error(1, 0, "%s", text);
	return *family == AF_INET ? 4 : 16;
}

static void add_route(enum node node, const char *gateway)
{
	struct rtmsg route = {.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_BOOT,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST};
	unsigned char binary[16];
	size_t len = parse(gateway, &route.rtm_family, binary);

	begin(RTM_NEWROUTE, &route, sizeof(route));
	put(RTA_GATEWAY, binary, len);
	talk(node, gateway);
}

static void add_address(size_t i)
{
	struct ifa_cacheinfo times = {.ifa_prefered = 0, .ifa_valid = UINT32_MAX};
	struct ifaddrmsg address = {.ifa_prefixlen = addresses[i].len,
		.ifa_index = (uint32_t)index_of(addresses[i].node, addresses[i].interface)};
	unsigned char binary[16];
	size_t len = parse(addresses[i].address, &address.ifa_family, binary);

	address.ifa_flags = address.ifa_family == AF_INET6 ? IFA_F_NODAD : 0;
	begin(RTM_NEWADDR, &address, sizeof(address));
	put(IFA_LOCAL, binary, len);
	put(IFA_ADDRESS, binary, len);
	if (addresses[i].is_deprecated)
		put(IFA_CACHEINFO, &times, sizeof(times));
	talk(addresses[i].node, addresses[i].address);
	if (addresses[i].gateway)
		add_route(addresses[i].node, addresses[i].gateway);
}

/* Waits until the host's link has noticed that its other end is up. Until then it loses what is sent. */
static void wait_for_carrier(const char *name)
{
	for (int i = 0; i < 50000; i++) {
		if (ask(HOST, name, SIOCGIFFLAGS).ifr_flags & IFF_RUNNING)
			return;
		usleep(100);
	}
	error(1, 0, "%s: no carrier", name);
}

static int up(const char *prefix)
{
	for (enum node node = 0; node < N_NODES; node++)
		snprintf(namespaces[node].path, sizeof(namespaces[node].path), "/run/netns/%s-%s", prefix,
			node_names[node]);
	if (mkdir("/run/netns", 0755) && errno != EEXIST)
		error(1, errno, "/run/netns");
	for (enum node node = 0; node < N_NODES; node++)
		make_namespace(node);
	make_bridge("br0");
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		make_veth(links[i].name, links[i].master, links[i].peer);
	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++)
		add_address(i);
	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++)
		wait_for_carrier(links[i].name);
	return 0;
}

static int down(char *const paths[])
{
	int status = 0;

	for (; *paths; paths++)
		if (umount2(*paths, MNT_DETACH) || unlink(*paths)) {
			error(0, errno, "%s", *paths);
			status = 1;
		}
	return status;
}

int main(int argc, char *argv[])
{
	if (argc == 3 && !strcmp(argv[1], "up"))
		return up(argv[2]);
	if (argc >= 3 && !strcmp(argv[1], "down"))
		return down(&argv[2]);
	error(2, 0, "usage: net up PREFIX; net down NAMESPACE...");
	return 2;
}
