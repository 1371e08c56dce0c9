# shellcheck shell=bash
# A kernel that seems to lack something, as natmap sees it.

# lacking WHAT: from now on natmap asks the kernel for something that does not exist instead of WHAT: a subsystem of
# nfnetlink by its number, an xt extension, or an expression of nf_tables. With "" it lacks nothing.
# shellcheck disable=SC2034 # NM_WRAP is for run_natmap
lacking() {
	[[ -e "$NM_TMP/lacking.so" ]] || lacking_make || return 1
	NM_WRAP=()
	[[ -z "$1" ]] || NM_WRAP=(env "LACKING=$1" ASAN_OPTIONS=verify_asan_link_order=0 "LD_PRELOAD=$NM_TMP/lacking.so")
}

lacking_make() {
	cc -shared -fPIC -o "$NM_TMP/lacking.so" -x c - <<-'END'
		#define _GNU_SOURCE
		#include <linux/netlink.h>
		#include <stdio.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/socket.h>
		#include <sys/syscall.h>
		#include <unistd.h>
		ssize_t sendto(int fd, const void *data, size_t len, int flags, const struct sockaddr *to, socklen_t to_len)
		{
			const char *lacking = getenv("LACKING");
			struct nlmsghdr *msg = (struct nlmsghdr *)data;
			char *name = memmem(data, len, lacking, strlen(lacking));
			/* NFTA_EXPR_NAME, before a nested NFTA_EXPR_DATA, in a batch */
			char attr[64] = {(char)(strlen(lacking) + 5), 0, 1, 0};
			size_t attr_len = strlen(lacking) + 5;
			strcpy(attr + 4, lacking);
			if (atoi(lacking) && msg->nlmsg_type >> 8 == atoi(lacking))
				msg->nlmsg_type |= 15 << 8;
			if (msg->nlmsg_type >> 8 == 11 && name)
				*name = '?';
			if (msg->nlmsg_type == NLMSG_MIN_TYPE)
				for (char *at = (char *)data; (at = memmem(at, (char *)data + len - at, attr, attr_len)); at++)
					if (at[(attr_len + 3 & ~3) + 3] & 0x80)
						at[4] = '?';
			return syscall(SYS_sendto, fd, data, len, flags, to, to_len);
		}
	END
}

# lacking_settings DIRECTORY: from now on natmap finds no setting in /proc/sys/net/DIRECTORY
# shellcheck disable=SC2016 # that shell's variables
lacking_settings() {
	NM_WRAP=(unshare -m --propagation private sh -c '
		mount -t tmpfs none "/proc/sys/net/$1" && shift && exec "$@"' sh "$1")
}
