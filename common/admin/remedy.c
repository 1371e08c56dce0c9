/* A module that is not on the disk cannot be loaded: kernels of microVMs have none at all, and RHEL and its
 * kin have those for iptables in the package kernel-modules-extra, which iptables does not bring since 2026.
 */
#include "admin/remedy.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/io.h"

enum { MODULES_MAX = 16 * 1024 * 1024, OS_RELEASE_SIZE = 8192 };

static char *read_file(const char *path)
{
	nm_autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct nm_err ignored;
	char *text = NULL;
	size_t len;

	return fd >= 0 && nm_io_read_all(fd, MODULES_MAX, path, &text, &len, &ignored) == 0 ? text : NULL;
}

/* ID or ID_LIKE of os-release(5) names one of them. */
static bool is_red_hat(void)
{
	static const char *const words[] = {"rhel", "fedora", "centos"};
	char text[OS_RELEASE_SIZE], *rest = text, *line;
	bool found = false;

	if (nm_io_read_small(AT_FDCWD, "/etc/os-release", text, sizeof(text)) < 0)
		return false;
	while ((line = strsep(&rest, "\n")))
		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
			found |= (!strncmp(line, "ID=", 3) || !strncmp(line, "ID_LIKE=", 8)) &&
				strstr(line, words[i]);
	return found;
}

void nm_remedy_read(struct nm_remedies *ret)
{
	char path[128];

	*ret = (struct nm_remedies){.is_red_hat = is_red_hat()};
	if (nm_io_read_small(AT_FDCWD, "/proc/sys/kernel/osrelease", ret->release, sizeof(ret->release)) < 0)
		return;
	ret->release[strcspn(ret->release, "\n")] = '\0';
	(void)snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", ret->release);
	ret->modules = read_file(path);
}

void nm_remedy_done(struct nm_remedies *r)
{
	free(nm_steal(&r->modules));
}

/* A line of modules.dep begins with the path of a module: kernel/net/netfilter/xt_nat.ko.xz: ... */
static bool is_on_disk(const struct nm_remedies *r, const char *module)
{
	char file[64];

	(void)snprintf(file, sizeof(file), "/%s.ko", module);
	return r->modules && strstr(r->modules, file);
}

const char *nm_remedy_find(const struct nm_remedies *r, const char *module, char buf[static NM_REMEDY_STRLEN])
{
	bool for_iptables = !strncmp(module, "xt_", 3) || !strcmp(module, "nft_compat");

	if (is_on_disk(r, module))
		(void)snprintf(buf, NM_REMEDY_STRLEN, "modprobe %s", module);
	else if (r->is_red_hat && for_iptables)
		(void)snprintf(buf, NM_REMEDY_STRLEN, "dnf install kernel-modules-extra-%s", r->release);
	else
		return NULL;
	return buf;
}
