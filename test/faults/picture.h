/*
 * A picture: what natmap may change on the host and in the namespaces of containers, as sorted lines of text:
 * each table, chain, rule, set and element of nf_tables, without counters and handles; each interface with
 * its settings, address and route; and the settings of all interfaces.
 */
#ifndef FAULTS_PICTURE_H
#define FAULTS_PICTURE_H

#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>

struct picture {
	char **line; /* owned, sorted */
	size_t n;
};

/* A network namespace that is in the picture. */
struct picture_ns {
	char name[24];
	int rtnl; /* a socket of NETLINK_ROUTE there */
};

/* Takes it of the caller's own network namespace, the host, and of links, addresses and routes of others. */
void picture_take(struct picture *ret, const struct picture_ns *others, size_t n);
void picture_done(struct picture *p);

/* Whether they are the same. */
int picture_same(const struct picture *a, const struct picture *b);

/* Prints the lines that only one of them has. */
void picture_print_difference(const struct picture *expected, const struct picture *found);

/* For picture_links.c and picture_rules.c. */
void picture_add(struct picture *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
void picture_add_links(struct picture *p, const struct picture_ns *ns);
void picture_add_rules(struct picture *p);

/* Sends the request, and hands over each message of the answer; again when others have interrupted it. */
void picture_dump(int fd, const struct nlmsghdr *request,
	void (*keep)(void *ctx, const struct nlmsghdr *message), void (*restart)(void *ctx), void *ctx);

/* The attributes from at on that take len bytes, each at its type; max of them. */
void picture_attrs(const void *at, size_t len, const struct nlattr **ret, unsigned max);

/* The attributes behind a message's header of this size. */
void picture_attrs_of(const struct nlmsghdr *message, size_t header, const struct nlattr **ret, unsigned max);

static inline const void *picture_data(const struct nlattr *attr)
{
	return attr + 1;
}

/* The attribute behind it. */
static inline const void *picture_next(const void *attr)
{
	return (const char *)attr + ((((const struct nlattr *)attr)->nla_len + 3u) & ~3u);
}

static inline size_t picture_len(const struct nlattr *attr)
{
	return attr ? (size_t)attr->nla_len - sizeof(*attr) : 0;
}

/* "" without one. */
static inline const char *picture_text(const struct nlattr *attr)
{
	return attr ? picture_data(attr) : "";
}

#endif
