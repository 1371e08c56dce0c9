/*
 * Settings of the network namespace. A file below /proc/sys/net shows the namespace of the process that opens
 * it, not that of the mount.
 */
#include "host/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"

enum { PATH_SIZE = sizeof("/proc/sys/") + NM_SYSCTL_NAME_MAX, VALUE_SIZE = 32 };

const char *nm_sysctl_route_localnet(const char *interface, char buf[static NM_SYSCTL_NAME_MAX])
{
	(void)snprintf(buf, NM_SYSCTL_NAME_MAX, "net/ipv4/conf/%s/route_localnet", interface);
	return buf;
}

const char *nm_sysctl_rp_filter(const char *interface, char buf[static NM_SYSCTL_NAME_MAX])
{
	(void)snprintf(buf, NM_SYSCTL_NAME_MAX, "net/ipv4/conf/%s/rp_filter", interface);
	return buf;
}

const char *nm_sysctl_forwarding(
	enum nm_family family, const char *interface, char buf[static NM_SYSCTL_NAME_MAX])
{
	(void)snprintf(buf, NM_SYSCTL_NAME_MAX,
		family == NM_IPV4 ? "net/ipv4/conf/%s/forwarding" : "net/ipv6/conf/%s/force_forwarding",
		interface);
	return buf;
}

const char *nm_sysctl_accept_ra(const char *interface, char buf[static NM_SYSCTL_NAME_MAX])
{
	(void)snprintf(buf, NM_SYSCTL_NAME_MAX, "net/ipv6/conf/%s/accept_ra", interface);
	return buf;
}

static void print_path(const char *name, char buf[static PATH_SIZE])
{
	(void)snprintf(buf, PATH_SIZE, "/proc/sys/%s", name);
}

static int parse(const char *name, const char *text, int *ret, struct nm_err *err)
{
	size_t len = strcspn(text, "\n");
	bool negative = text[0] == '-';
	uint64_t value;

	if (nm_text_number(text + negative, len - negative, INT32_MAX, &value) < 0)
		return nm_fail(err, NM_ERR_FAILED, "reading %s: no number", name);
	*ret = negative ? -(int)value : (int)value;
	return 0;
}

/* The file of an interface that has gone while it was open says so, too. */
static int fail_missing(int why, struct nm_err *err)
{
	if (why == ENOENT)
		err->kind = NM_ERR_MISSING;
	return -1;
}

static int fail_reading(const char *name, int why, struct nm_err *err)
{
	(void)nm_fail_errno(err, why, "reading %s", name);
	return fail_missing(why, err);
}

static int fail_setting(const char *name, int value, int why, struct nm_err *err)
{
	(void)nm_fail_errno(err, why, "setting %s to %d", name, value);
	return fail_missing(why, err);
}

int nm_sysctl_get(const char *name, int *ret, struct nm_err *err)
{
	char path[PATH_SIZE], text[VALUE_SIZE];

	print_path(name, path);
	if (nm_io_read_small(AT_FDCWD, path, text, sizeof(text)) < 0)
		return fail_reading(name, errno, err);
	return parse(name, text, ret, err);
}

void nm_sysctl_open(const char *name, struct nm_sysctl *ret)
{
	char path[PATH_SIZE];

	print_path(name, path);
	*ret = (struct nm_sysctl){.fd = open(path, O_RDWR | O_CLOEXEC)};
	if (ret->fd >= 0)
		return;
	ret->why = errno;
	ret->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (ret->fd < 0)
		ret->why = errno;
}

/* *ret_set: it has the value already, which one that cannot be written may have, too. */
static int look(const struct nm_sysctl *s, const char *name, int value, bool *ret_set, struct nm_err *err)
{
	char text[VALUE_SIZE] = "";
	int old;

	if (s->fd < 0)
		return fail_reading(name, s->why, err);
	if (pread(s->fd, text, sizeof(text) - 1, 0) < 0)
		return fail_reading(name, errno, err);
	if (parse(name, text, &old, err) < 0)
		return -1;
	*ret_set = old == value;
	return !*ret_set && s->why ? fail_setting(name, value, s->why, err) : 0;
}

int nm_sysctl_set_open(const struct nm_sysctl *s, const char *name, int value, struct nm_err *err)
{
	char text[VALUE_SIZE];
	int len = snprintf(text, sizeof(text), "%d\n", value);
	bool is_set;

	if (look(s, name, value, &is_set, err) < 0)
		return -1;
	if (!is_set && nm_io_write_all(s->fd, text, (size_t)len) < 0)
		return fail_setting(name, value, errno, err);
	return 0;
}

int nm_sysctl_set(const char *name, int value, struct nm_err *err)
{
	struct nm_sysctl s;
	int result;

	nm_sysctl_open(name, &s);
	result = nm_sysctl_set_open(&s, name, value, err);
	nm_cleanup_close(&s.fd);
	return result;
}

int nm_sysctl_can_set(const char *name, int value, struct nm_err *err)
{
	struct nm_sysctl s;
	bool is_set;
	int result;

	nm_sysctl_open(name, &s);
	result = look(&s, name, value, &is_set, err);
	nm_cleanup_close(&s.fd);
	return result;
}
