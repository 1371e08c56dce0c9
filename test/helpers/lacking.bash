# shellcheck shell=bash
# A kernel that seems to lack something, as natmap sees it.

# lacking WHAT...: from now on natmap asks the kernel for something that does not exist instead of each WHAT: a subsystem of
# nfnetlink by its number, an xt extension, or an expression of nf_tables. Without, or with "", it lacks nothing.
# lacking_xt: a kernel without nft_compat, as the packages of RHEL 10 leave it
# What is on the disk in /lib/modules and /etc/os-release is below $NM_TMP/root then, where nothing is at first.
# shellcheck disable=SC2034 # NM_WRAP is for run_natmap
lacking() {
	local library=$NM_PROGRAMS/lacking.so
	[[ "$library" -nt "$NM_TREE/test/helpers/lacking.bash" ]] || lacking_make "$library" || return 1
	mkdir -p "$NM_TMP/root"
	natmap_dynamic
	NM_WRAP=()
	[[ -z "$*" ]] || NM_WRAP=(env "LACKING=$*" "LACKING_ROOT=$NM_TMP/root" ASAN_OPTIONS=verify_asan_link_order=0 "LD_PRELOAD=$library")
}

lacking_xt() {
	lacking 11 match target
}

# lacking_make LIBRARY: for all tests, of which the first makes it
lacking_make() {
	cc -shared -fPIC -o "$NM_TMP/lacking.so" -x c - <<-'END' && mv -f "$NM_TMP/lacking.so" "$1"
		#define _GNU_SOURCE
		#include <fcntl.h>
		#include <limits.h>
		#include <linux/netlink.h>
		#include <stdarg.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/socket.h>
		#include <sys/syscall.h>
		#include <unistd.h>
		/* In a batch NFTA_EXPR_NAME is before a nested NFTA_EXPR_DATA, NFTA_MATCH_NAME before NFTA_MATCH_REV. */
		static void hide(const char *lacking, char *data, size_t len)
		{
			struct nlmsghdr *msg = (struct nlmsghdr *)data;
			char *name = memmem(data, len, lacking, strlen(lacking));
			size_t attr_len = strlen(lacking) + 5, next = attr_len + 3 & ~3;
			char attr[64] = {(char)attr_len, 0, 1, 0};
			strcpy(attr + 4, lacking);
			if (atoi(lacking) && msg->nlmsg_type >> 8 == atoi(lacking))
				msg->nlmsg_type |= 15 << 8;
			if (msg->nlmsg_type >> 8 == 11 && name)
				*name = '?';
			if (msg->nlmsg_type == NLMSG_MIN_TYPE)
				for (char *at = data; (at = memmem(at, data + len - at, attr, attr_len)); at++)
					if (at[next + 3] & 0x80 || (at[next] == 8 && at[next + 2] == 2))
						at[4] = '?';
		}
		ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to, socklen_t to_len)
		{
			char *lacking = strdup(getenv("LACKING"));
			for (char *word = strtok(lacking, " "); word; word = strtok(NULL, " "))
				hide(word, (char *)data, len);
			free(lacking);
			return syscall(SYS_sendto, fd, data, len, flags, to, to_len);
		}
		static int open_there(int dir, const char *path, int flags, mode_t mode)
		{
			char there[PATH_MAX];
			if (!strncmp(path, "/lib/modules/", 13) || !strcmp(path, "/etc/os-release")) {
				snprintf(there, sizeof(there), "%s%s", getenv("LACKING_ROOT"), path);
				path = there;
			}
			return syscall(SYS_openat, dir, path, flags, mode);
		}
		int openat(int dir, const char *path, int flags, ...)
		{
			va_list ap;
			va_start(ap, flags);
			return open_there(dir, path, flags, flags & O_CREAT ? va_arg(ap, mode_t) : 0);
		}
		int open(const char *path, int flags, ...)
		{
			va_list ap;
			va_start(ap, flags);
			return open_there(AT_FDCWD, path, flags, flags & O_CREAT ? va_arg(ap, mode_t) : 0);
		}
	END
}

# lacking_on_disk MODULE...: these modules, and no others, are on the disk of the kernel that lacks something
lacking_on_disk() {
	local modules
	modules=$NM_TMP/root/lib/modules/$(uname -r)
	mkdir -p "$modules"
	: >"$modules/modules.dep"
	[[ $# = 0 ]] || printf 'kernel/net/netfilter/%s.ko.xz: kernel/net/netfilter/x_tables.ko.xz\n' "$@" >"$modules/modules.dep"
}

# lacking_settings DIRECTORY: from now on natmap finds no setting in /proc/sys/net/DIRECTORY
# shellcheck disable=SC2016 # that shell's variables
lacking_settings() {
	NM_WRAP=(unshare -m --propagation private sh -c '
		mount -t tmpfs none "/proc/sys/net/$1" && shift && exec "$@"' sh "$1")
}
