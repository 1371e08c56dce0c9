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

int nm_sysctl_get(const char *name, int *ret, struct nm_err *err)
{
	char path[PATH_SIZE], text[VALUE_SIZE];
	bool negative;
	uint64_t value;
	size_t len;

	print_path(name, path);
	if (nm_io_read_small(AT_FDCWD, path, text, sizeof(text)) < 0)
		return nm_fail_errno(err, errno, "reading %s", name);
	len = strcspn(text, "\n");
	negative = text[0] == '-';
	if (nm_text_number(text + negative, len - negative, INT32_MAX, &value) < 0)
		return nm_fail(err, NM_ERR_FAILED, "reading %s: no number", name);
	*ret = negative ? -(int)value : (int)value;
	return 0;
}

/* Opens the setting for writing; *ret_fd is -1 when it has the value already. */
static int open_unless_set(const char *name, int value, int *ret_fd, struct nm_err *err)
{
	char path[PATH_SIZE];
	int old;

	if (nm_sysctl_get(name, &old, err) < 0)
		return -1;
	*ret_fd = -1;
	if (old == value)
		return 0;
	print_path(name, path);
	*ret_fd = open(path, O_WRONLY | O_CLOEXEC);
	if (*ret_fd < 0)
		return nm_fail_errno(err, errno, "setting %s to %d", name, value);
	return 0;
}

int nm_sysctl_set(const char *name, int value, struct nm_err *err)
{
	nm_autoclose int fd = -1;
	char text[VALUE_SIZE];
	int len = snprintf(text, sizeof(text), "%d\n", value);

	if (open_unless_set(name, value, &fd, err) < 0)
		return -1;
	if (fd >= 0 && nm_io_write_all(fd, text, (size_t)len) < 0)
		return nm_fail_errno(err, errno, "setting %s to %d", name, value);
	return 0;
}

int nm_sysctl_can_set(const char *name, int value, struct nm_err *err)
{
	nm_autoclose int fd = -1;

	return open_unless_set(name, value, &fd, err);
}
