# shellcheck shell=bash
# A private /dev/log for natmap: loaded by the tests that look at what it reports there.

# syslog_start: from now on run_natmap, publish and withdraw see a /dev/log of this test's own
syslog_start() {
	: >"$NM_TMP/syslog"
	spawn host socat -u "UNIX-RECV:$NM_TMP/log.socket" "OPEN:$NM_TMP/syslog,append" || return 1
	wait_for test -S "$NM_TMP/log.socket" || return 1
	# shellcheck disable=SC2016,SC2034 # for the shell in the mount namespace; for run_natmap
	NM_WRAP=(unshare -m --propagation private sh -c '
		mount -t tmpfs none /dev && mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/urandom c 1 9 &&
		touch /dev/log && mount --bind "$1" /dev/log && shift && exec "$@"' sh "$NM_TMP/log.socket")
}

# syslog_lines: what came so far, a line for each message. With wait_for, because it may arrive after natmap has ended.
syslog_lines() {
	tr '\0' '\n' <"$NM_TMP/syslog" | sed 's/<\([0-9]*\)>/\n<\1>/g' | sed '/^$/d'
}

# syslog_has TEXT: for wait_for
syslog_has() {
	syslog_lines | grep -qF -- "$1"
}
