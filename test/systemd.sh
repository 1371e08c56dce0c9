#!/bin/bash
# systemd.sh: natmap's units under a real systemd, which is process 1 of a container with network, control groups and units
# of its own on this machine's files. After each thing that takes published ports away without telling natmap, they must
# answer again by themselves; prints how long each took. As root; needs systemd, nftables and iptables.
set -eu

cd "$(dirname "$0")/.."
programs=$PWD/${BUILD:-build}/test/helpers
[[ "${BUILD:-}" != /* ]] || programs=$BUILD/test/helpers
within=40 # seconds: the timer's five, its accuracy, and a slow machine
systemd=/usr/lib/systemd/systemd
[[ -x $systemd ]] || systemd=/lib/systemd/systemd

# boot DIR: becomes process 1. DIR has what make install has installed.
boot() {
	local units=/usr/lib/systemd/system copies=$1/units unit
	mount --make-rprivate /
	mount -t proc proc /proc
	mkdir "$copies"
	for unit in basic sysinit sockets timers paths slices shutdown multi-user umount final network network-pre; do
		cp "$units/$unit.target" "$copies/"
	done
	cp "$units"/systemd-journald.service "$units"/systemd-journald{,-dev-log}.socket "$units"/nftables.service "$units"/-.slice "$copies/" 2>/dev/null || :
	mount -t tmpfs -o mode=755 tmpfs /run
	mkdir /run/etc /run/etc.work
	mount -t overlay -o lowerdir=/etc,upperdir=/run/etc,workdir=/run/etc.work overlay /etc
	mount -t tmpfs tmpfs "$units" && cp "$copies"/* "$1"/stage/run/units/* "$units/"
	mount -t tmpfs tmpfs /etc/systemd/system
	mount -t tmpfs tmpfs /etc/init.d # this machine's services are not to run
	mount -t tmpfs tmpfs /etc/sysctl.d
	mkdir -p /etc/systemd/journald.conf.d
	printf '[Journal]\nStorage=volatile\nReadKMsg=no\n' >/etc/systemd/journald.conf.d/natmap.conf
	rm -rf /etc/natmap
	echo 'flush ruleset' >/etc/nftables.conf
	umount -R /sys/fs/cgroup 2>/dev/null || :
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
	# systemd raises limits of the whole machine
	mount --bind /proc/sys /proc/sys
	mount -o remount,bind,ro /proc/sys
	mount --bind /proc/sys/net /proc/sys/net
	mount -o remount,bind,rw /proc/sys/net
	cp -r "$1/stage/run/nm" /run/
	sysctl -qw net.ipv4.ip_forward=0
	exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=natmap "$systemd" --system --unit=multi-user.target --log-target=null
}

if [[ ${1:-} = boot ]]; then
	boot "$2"
fi

inside() {
	nsenter -t "$init" -m -p -n -u -i -C -r -w -- "$@"
}

fail() {
	echo "systemd: $*" >&2
	inside journalctl -q --no-pager -n 40 >&2 || :
	exit 1
}

# wait_for SECONDS COMMAND...
wait_for() {
	local end=$((SECONDS + $1))
	while ! "${@:2}" >/dev/null 2>&1; do
		((SECONDS < end)) || return 1
		sleep 0.05
	done
}

finish() {
	local code=$?
	[[ ! $outer ]] || kill -KILL "$outer" 2>/dev/null || : # and its child with it
	{ wait "$outer"; } 2>/dev/null || :
	wait_for 10 find "$dir/cgroup/$group" -depth -type d -exec rmdir {} +
	umount "$dir/cgroup" || :
	rm -rf --one-file-system "$dir"
	exit "$code"
}

init="" outer="" group=natmap-systemd-$$ dir=$(mktemp -d /tmp/natmap-systemd.XXXXXX)
trap finish EXIT
trap 'exit 1' INT TERM
make -s install DESTDIR="$dir/stage" PREFIX=/run/nm UNITDIR=/run/units
# Its control groups are below one of its own.
mkdir "$dir/cgroup"
mount -t cgroup2 cgroup2 "$dir/cgroup"
mkdir "$dir/cgroup/$group"
(
	echo "$BASHPID" >"$dir/cgroup/$group/cgroup.procs"
	exec unshare --mount --net --pid --cgroup --uts --ipc --fork --kill-child "$0" boot "$dir"
) &
outer=$!
wait_for 20 pgrep -P "$outer" || exit 1
init=$(pgrep -P "$outer")
wait_for 30 inside systemctl is-active multi-user.target || fail "does not come up"
inside systemctl start systemd-journald.socket systemd-journald-dev-log.socket
inside systemctl log-target journal

# A container behind a bridge, and a client outside; published as a runtime would.
# shellcheck disable=SC2016 # for that shell
inside sh -euc '
	ip link set lo up
	for n in ctr ext; do ip netns add "$n"; ip -n "$n" link set lo up; done
	ip link add br0 type bridge
	ip addr add 10.88.7.1/24 dev br0
	ip link set br0 up
	ip link add vctr type veth peer name eth0 netns ctr
	ip link set vctr master br0 up
	ip -n ctr addr add 10.88.7.2/24 dev eth0
	ip -n ctr link set eth0 up
	ip -n ctr route add default via 10.88.7.1
	ip link add up0 type veth peer name eth0 netns ext
	ip addr add 192.0.2.1/24 dev up0
	ip link set up0 up
	ip -n ext addr add 192.0.2.2/24 dev eth0
	ip -n ext link set eth0 up
	ip -n ext route add default via 192.0.2.1
	nsenter --net=/run/netns/ctr sleep infinity >/dev/null 2>&1 &
	echo "{\"ociVersion\":\"1.0.2\",\"id\":\"web\",\"status\":\"creating\",\"pid\":$!,\"bundle\":\"/b\",\"annotations\":{\"io.natmap.ports\":\"8080:80\"}}" >/run/nm/state.json
	nsenter --net=/run/netns/ctr "$0/answer" tcp 80 web 0.0.0.0 >/dev/null 2>&1 &' "$programs"

ask() { # ask NAMESPACE ADDRESS
	[[ $(inside "$programs/enter" "${@:1:$#-1}" "$programs/ask" 0.3 tcp "${@: -1}" 8080 "" "") = web ]]
}

# answers: from outside, on 127.0.0.1 and from the container itself
answers() {
	ask /run/netns/ext 192.0.2.1 && ask /proc/self/ns/net 127.0.0.1 && ask /run/netns/ctr 192.0.2.1
}

# As dockerd does where ip_forward is 0; then it takes its time to become ready.
inside sh -c 'cat >/run/systemd/system/docker.service' <<-'END'
	[Service]
	Type=oneshot
	RemainAfterExit=yes
	ExecStart=/bin/sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; iptables -w -P FORWARD DROP; sleep 0.3'
	ExecStop=/bin/sh -c 'iptables -w -P FORWARD ACCEPT; echo 0 >/proc/sys/net/ipv4/ip_forward'
END
inside systemctl daemon-reload
inside systemctl --quiet enable natmap.service 2>/dev/null

# natmap-follow.service is started by itself before docker.service: if it still ran for what came before, docker's start of it
# would join that run.
for backend in iptables nftables; do
	echo "{\"backend\": \"$backend\"}" | inside sh -c 'umask 077; mkdir -p /etc/natmap && cat >/etc/natmap/natmap.json'
	inside systemctl start natmap.service natmap-heal.timer natmap-gc.timer natmap-forwarding.path || fail "units do not start"
	inside sh -c '/run/nm/bin/natmap hook createRuntime </run/nm/state.json' || fail "publish"
	wait_for "$within" answers || fail "$backend: the port does not answer at first"
	while IFS='|' read -r what command; do
		inside sh -euc "$command" >/dev/null </dev/null || fail "the test itself: $command"
		start=$(date +%s%N)
		wait_for "$within" answers || fail "$backend: after $what the port does not answer again"
		printf '%-9s %-44s %5d ms\n' "$backend" "$what" $((($(date +%s%N) - start) / 1000000))
	done <<-'END'
		nft flush ruleset|nft flush ruleset
		iptables-restore of empty tables|printf '*nat\nCOMMIT\n*filter\nCOMMIT\n*raw\nCOMMIT\n' >/run/nm/empty; iptables-restore </run/nm/empty; nft delete table ip natmap 2>/dev/null || :
		route_localnet switched off|echo 0 >/proc/sys/net/ipv4/conf/br0/route_localnet
		forwarding switched off on an interface|echo 0 >/proc/sys/net/ipv4/conf/up0/forwarding
		ip_forward written, which resets all of them|echo 1 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv4/ip_forward
		hairpin mode switched off|bridge link set dev vctr hairpin off
		sysctl --system|printf 'net.ipv4.conf.br0.route_localnet=0\nnet.ipv4.conf.up0.forwarding=0\n' >/etc/sysctl.d/zz.conf; sysctl --system 2>&1 || :
		systemd-sysctl, as udev runs it|/usr/lib/systemd/systemd-sysctl --prefix=/net/ipv4/conf/br0; rm /etc/sysctl.d/zz.conf
		nftables.service restarted|systemctl restart nftables.service
		docker.service started (no timer)|systemctl stop natmap-heal.timer; systemctl start natmap-follow.service; systemctl start docker.service
		docker.service stopped|systemctl stop docker.service; systemctl start natmap.service natmap-heal.timer
	END
	inside /run/nm/bin/natmap check || fail "$backend: check finds something"
	inside sh -c 'echo "{\"ociVersion\":\"1.0.2\",\"id\":\"web\",\"status\":\"stopped\",\"bundle\":\"/b\"}" | /run/nm/bin/natmap hook poststop'
	inside systemctl stop natmap-heal.timer natmap.service
	inside /run/nm/bin/natmap flush
done

# A mistake in the configuration is told, and systemd does not add lines to it each time that the timer runs; the unit is a
# failed one. How often it is told depends on whether journald looks at the unit before the unit has ended.
echo '{' | inside sh -c 'cat >/etc/natmap/natmap.json'
inside sh -c 'for run in 1 2 3 4 5 6 7 8 9 10 11 12; do
	systemctl reset-failed natmap-heal.service 2>/dev/null
	! systemctl start natmap-heal.service 2>/dev/null || exit 1
done'
inside systemctl --quiet is-failed natmap-heal.service || fail "the unit is no failed one with a mistake in the configuration"
inside journalctl -q --sync
lines=$(inside journalctl -q --no-pager -u natmap-heal.service)
[[ $lines = *'natmap.json: not valid JSON'* ]] || fail "the journal does not have why: $lines"
[[ $lines != *'systemd['* ]] || fail "systemd tells of each failure: $lines"
printf '%s\n' "$(wc -l <<<"$lines") lines in the journal of 12 runs with a mistake in the configuration"
