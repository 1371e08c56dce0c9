#!/usr/bin/env bats
# Forwarding on those interfaces alone that need it, and what it must not open.
# shellcheck disable=SC2154 # $stderr comes from run_natmap

load helpers/natmap
load helpers/recovery

setup() {
	net_up
	setting ipv4/ip_forward 0
	serve ctr tcp 80 web
	serve ctr2 tcp 90 private
}

teardown() {
	net_down
	! mountpoint -q "$NM_TMP/groups" || umount "$NM_TMP/groups"
}

# forwarding [INTERFACE...]: ip_forward, then each interface's own setting
forwarding() {
	# shellcheck disable=SC2016 # for that shell
	on host sh -c 'cd /proc/sys/net/ipv4/conf && cat ../ip_forward; for i; do cat "$i/forwarding"; done' sh "$@" | xargs
}

# settings_of_forwarding: every setting below /proc/sys/net that has to do with it
settings_of_forwarding() {
	on host sh -c 'cd /proc/sys/net && grep -r . ipv4/ip_forward ipv4/conf/*/forwarding ipv6/conf/*/forwarding ipv6/conf/*/force_forwarding ipv4/conf/*/accept_redirects' | sort
}

# works: web's port answers whom it has to
works() {
	assert_reach web ext tcp 192.0.2.1 8080 || return 1
	assert_reach web host tcp 192.0.2.1 8080 || return 1
	assert_reach web host tcp 127.0.0.1 8080 || return 1
	assert_reach web ctr2 tcp 192.0.2.1 8080 || return 1
	assert_reach web ctr tcp 192.0.2.1 8080 || return 1
}

@test "a publish opens its port, and no container's other ports to a route through the host" {
	local before
	before=$(settings_of_forwarding)
	assert_no_reach ext tcp 10.88.7.3 90
	publish web 8080:80
	works
	assert "$(forwarding up0 br0)" = '0 1 1' # Docker, started now, sets its policy DROP
	assert_no_reach ext tcp 10.88.7.3 90
	assert_no_reach ext tcp 10.88.7.2 80
	run_natmap check
	run_natmap doctor
	withdraw web
	same settings "$before" "$(settings_of_forwarding)"
	assert_no_rule host natmap:@forward
	assert_clean
	[[ ! -e "$(state_dir)/forwarding" ]]
}

# bats test_tags=iptables
@test "what was published while the host forwarded, or on IPv6 alone, leaves out neither the guards nor the jumps of IPv4" {
	setting ipv4/ip_forward 1
	publish early 8000:80
	publish early2 8001:80
	setting ipv4/ip_forward 0
	publish web 8080:80
	works
	assert_no_reach ext tcp 10.88.7.3 90
	agrees
	run_natmap flush --force
	config '{"backend": "nftables"}'
	publish early 8000:80
	config '{"backend": "iptables"}'
	publish early2 '[fd00:99::1]:8001:80'
	publish web 8080:80
	works
	assert_no_reach ext tcp 10.88.7.3 90
}

@test "who switches forwarding on for all gets it: the rules go with the next publish, withdraw, reload or gc, the settings stay" {
	local event
	for event in publish withdraw reload gc; do
		publish web 8080:80
		setting ipv4/ip_forward 1
		assert_no_reach ext tcp 10.88.7.3 90 || return 1
		run_natmap rc=3 check
		assert "$output" has "'natmap:@forward/up0'" || return 1
		run_natmap rc=1 doctor
		assert "$output" has "net.ipv4.ip_forward is 1, and rules of natmap still forward" || return 1
		case $event in
		publish) ctr_start other ctr2 && publish other 8081:81 && withdraw other ;;
		withdraw) withdraw web ;;
		*) run_natmap "$event" ;;
		esac
		assert_reach private ext tcp 10.88.7.3 90 || return 1
		assert_no_rule host natmap:@forward || return 1
		[[ $event = withdraw ]] || works || return 1
		withdraw web
		assert "$(forwarding up0 br0)" = '1 1 1' "$event" || return 1
		assert_clean
		setting ipv4/ip_forward 0
	done
}

@test "forwarding stays while another container needs it, and is closed for what is not published" {
	publish web 8080:80
	ctr_start other ctr2
	publish other 127.0.0.1:9090:90 # needs none
	withdraw web
	assert "$(forwarding up0 br0)" = '0 0 0'
	publish web 8080:80
	ctr_start second ctr2
	publish second 8090:90
	withdraw web
	assert "$(forwarding up0 br0)" = '0 1 1'
	assert_reach private ext tcp 192.0.2.1 8090
	assert_no_reach ext tcp 10.88.7.2 80
	withdraw other
	withdraw second
	assert "$(forwarding up0 br0)" = '0 0 0'
	assert_clean
}

@test "another network and an interface that comes later reach the port, and nothing else: check tells, gc mends" {
	publish web 8080:80
	on ctr2 ip link set eth0 down
	on host ip -batch - <<-END
		link add br1 type bridge
		addr add 10.89.0.1/24 dev br1
		link set br1 up
		link add later type veth peer name eth1 netns $NM_NS-ctr2
		link set later master br1 up
	END
	on ctr2 ip -batch - <<-END
		addr add 10.89.0.2/24 dev eth1
		link set eth1 up
		route add default via 10.89.0.1
	END
	run_natmap rc=3 check
	assert "$output" has "br1"
	run_natmap rc=1 doctor
	assert "$output" has "IPv4 forwarding is off on 'br1'"
	run_natmap gc
	run_natmap check
	assert_reach web ctr2 tcp 192.0.2.1 8080
	assert_no_reach ctr2 tcp 10.88.7.2 80
	on host ip link set br1 name other1
	on host ip link set up0 name new0
	run_natmap rc=3 check
	run_natmap reload
	run_natmap check
	assert_no_rule host natmap:@forward/br1
	assert_rule host natmap:@forward/other1
	works
	on host ip link set new0 name up0
	withdraw web
	assert "$(forwarding up0 br0 other1)" = '0 0 0 0'
	assert_clean
}

@test "what a bridge forwards by itself stays as it was, with br_netfilter too" {
	setting bridge/bridge-nf-call-iptables 1
	setting bridge/bridge-nf-call-ip6tables 1
	publish web 8080:80
	assert_reach private ctr tcp 10.88.7.3 90
	works
	withdraw web
	publish web 8080:80
	setting bridge/bridge-nf-call-iptables 0
	run_natmap rc=3 check
	run_natmap reload
	run_natmap check
	withdraw web
	assert_no_rule host natmap:@forward
	assert_clean
}

@test "static NAT works where forwarding is off, and opens nothing else" {
	serve ext tcp 99 outside
	config '{"static": {"snat": [{"name": "out", "internal_address": "10.88.7.2", "external_address": "192.0.2.3"}],
		"dnat": [{"name": "in", "external_address": "192.0.2.3", "internal_address": "10.88.7.2", "ports": "80", "protocol": "tcp"}]}}'
	run_natmap reload
	local event
	for event in reload publish withdraw reload; do
		case $event in
		publish) ctr_start other ctr2 && publish other 8090:90 ;;
		withdraw) withdraw other ;;
		*) run_natmap reload ;;
		esac
		assert_reach outside ctr tcp 192.0.2.2 99 || return 1
		assert_reach web ext tcp 192.0.2.3 80 || return 1
		assert_no_reach ctr2 tcp 192.0.2.2 99 || return 1
		assert_no_reach ext tcp 10.88.7.3 90 || return 1
		run_natmap check || return 1
	done
	assert "$(forwarding up0 br0)" = '0 1 1'
	config '{}'
	run_natmap reload
	assert "$(forwarding up0 br0)" = '0 0 0'
	assert_no_rule host natmap:@forward
	assert_no_rule host natmap:@snat
}

@test "forwarding is judged by interface: a port that would be dead is told, one that works is published" {
	setting ipv4/ip_forward 1
	setting ipv4/conf/br0/forwarding 0
	publish rc=1 web 8080:80
	assert "$stderr" has 'run: sysctl -w net/ipv4/conf/br0/forwarding=1'
	config '{"ip_forward": {"ipv4": "check"}}'
	publish rc=1 web 8080:80
	config '{"ip_forward": {"ipv4": "set"}}'
	publish web 8080:80
	works
	config '{}'
	setting ipv4/conf/up0/forwarding 0
	run_natmap rc=3 check
	assert "$output" has 'net/ipv4/conf/up0/forwarding is 0'
	run_natmap rc=1 doctor
	assert "$output" has 'run: sysctl -w net.ipv4.conf.up0.forwarding=1'
	setting ipv6/conf/up0/forwarding 0 # which decides only what the host itself is there
	setting ipv4/conf/up0/forwarding 1
	assert_reach web ext tcp fd00:99::1 8080
	run_natmap check
	run_natmap doctor
	withdraw web
	setting ipv4/ip_forward 0
	setting ipv4/conf/up0/forwarding 1
	setting ipv4/conf/br0/forwarding 1
	config '{"ip_forward": {"ipv4": "check"}}'
	publish web 8080:80
	works
	run_natmap check
	run_natmap doctor
	withdraw web
	config '{}'
	publish web 8080:80
	assert_no_rule host natmap:@forward # an administrator's
	withdraw web
	assert "$(forwarding up0 br0)" = '0 1 1'
}

@test "IPv6 by interface, where the kernel can, and else refused with what to run" {
	local can=1 before
	on host test -e /proc/sys/net/ipv6/conf/all/force_forwarding || can=0
	setting ipv6/conf/all/forwarding 0
	before=$(settings_of_forwarding)
	config '{"ip_forward": {"ipv6": "interfaces"}}'
	if [[ $can = 0 ]]; then
		publish rc=1 web '[::]:8080:80'
		assert "$stderr" has 'sysctl -w net.ipv6.conf.all.forwarding=1'
		return 0
	fi
	publish web 8080:80
	works
	assert_reach web ext tcp fd00:99::1 8080
	assert_reach web ctr2 tcp fd00:99::1 8080
	assert_reach web ctr tcp fd00:99::1 8080
	assert_no_reach ext tcp fd00:7::3 90
	run_natmap check
	run_natmap doctor
	setting ipv6/conf/all/forwarding 1
	run_natmap gc
	assert_reach private ext tcp fd00:7::3 90
	assert_no_reach ext tcp 10.88.7.3 90
	setting ipv6/conf/all/forwarding 0
	run_natmap gc
	assert_reach web ext tcp fd00:99::1 8080
	assert_no_reach ext tcp fd00:7::3 90
	withdraw web
	same settings "$before" "$(settings_of_forwarding)"
	assert_no_rule host natmap:@forward
	assert_clean
}

@test "a lost state, a flush and a change of the backend leave no interface forwarding and no rule" {
	local way
	for way in lost flush backend; do
		publish web 8080:80
		case $way in
		lost)
			rm -r "$(state_dir)"
			run_natmap reload --force
			;;
		flush) run_natmap flush --force ;;
		backend)
			config "{\"backend\": \"$(in_nftables && echo iptables || echo nftables)\"}"
			run_natmap reload
			run_natmap check
			assert_no_reach ext tcp 10.88.7.3 90
			works
			withdraw web
			config '{}'
			;;
		esac
		assert "$(forwarding up0 br0)" = '0 0 0' "$way" || return 1
		assert_no_rule host natmap:@forward || return 1
	done
}

# bats test_tags=iptables
@test "a publish with nftables closes no port that is in iptables until a reload, and no interface stays open" {
	serve ctr2 tcp 80 other
	ctr_start other ctr2
	on host iptables -P FORWARD DROP
	publish web 8080:80
	config '{"backend": "nftables"}'
	on host ip -batch - <<-END
		link add br1 type bridge
		addr add 10.89.0.1/24 dev br1
		link set br1 up
	END
	publish other 8081:80
	works
	assert_reach other ext tcp 192.0.2.1 8081
	assert_rule host natmap:@forward/br1
	on host iptables -P FORWARD ACCEPT
	assert_no_reach ext tcp 10.88.7.3 90
	withdraw web
	assert_reach other ext tcp 192.0.2.1 8081
	assert_no_reach ext tcp 10.88.7.3 90
	run_natmap reload
	run_natmap check
	assert_reach other ext tcp 192.0.2.1 8081
	assert_no_reach ext tcp 10.88.7.3 90
	withdraw other
	assert "$(forwarding up0 br0 br1)" = '0 0 0 0'
	assert_no_rule host natmap:@forward
}

# break_file WAY: of what natmap has switched on, the file tells nothing any more
break_file() {
	local file
	file=$(state_dir)/forwarding
	case $1 in
	garbage) echo garbage >"$file" ;;
	half) sed -i '$s/ [^ ]*$//' "$file" ;;
	path) sed -i 's/[^ ]*$/..\/..\/x/' "$file" ;;
	binary) head -c 5000 /dev/zero >"$file" ;;
	huge) truncate -s 1G "$file" ;;
	link) ln -sf /etc/passwd "$file" ;;
	pipe) rm "$file" && mkfifo "$file" ;;
	directory) rm "$file" && mkdir "$file" ;;
	esac
}

@test "whatever has become of the file, withdraw, publish and gc work, switch off what the rules name, and make it anew" {
	local way
	for way in garbage half path binary huge link pipe directory; do
		publish web 8080:80
		break_file "$way"
		withdraw web || return 1
		assert "$(forwarding up0 br0)" = '0 0 0' "withdraw, $way" || return 1
		assert_no_rule host natmap:@forward || return 1
		[[ "$way" != directory ]] || rmdir "$(state_dir)/forwarding"
		[[ ! -e "$(state_dir)/forwarding" ]] || fail "left: $way" || return 1
	done
	for way in half link pipe; do
		publish web 8080:80
		break_file "$way"
		ctr_start other ctr2
		publish other 8090:90 || return 1
		assert "$(cut -d ' ' -f 6 "$(state_dir)/forwarding" | sort | xargs)" = 'br0 up0' "publish, $way" || return 1
		break_file "$way"
		run_natmap gc || return 1
		run_natmap check || return 1
		run_natmap doctor || return 1
		withdraw web
		withdraw other
		assert "$(forwarding up0 br0)" = '0 0 0' "gc, $way" || return 1
	done
}

@test "an interface that is gone, or is named anew, keeps no publish from another family" {
	on host test -e /proc/sys/net/ipv6/conf/all/force_forwarding || skip "Linux before 6.17"
	setting ipv6/conf/all/forwarding 0
	config '{"ip_forward": {"ipv6": "interfaces"}}'
	on host ip link add later type bridge
	on host ip -6 addr add fd00:98::1/64 dev later nodad
	publish web 8080:80
	assert "$(<"$(state_dir)/forwarding")" has ' later'
	on host ip link del later
	ctr_start other ctr2
	publish other 127.0.0.1:9090:90 0.0.0.0:8090:90
	assert_reach private ext tcp 192.0.2.1 8090
	run_natmap reload
	assert "$(<"$(state_dir)/forwarding")" lacks ' later'
}

@test "a setting that cannot be written: a publish fails and leaves nothing, a withdraw keeps what closes the interface" {
	config '{"localhost": false}'
	read_only_settings
	publish rc=1 web 8080:80
	assert "$stderr" has forwarding
	assert_no_rule host natmap:@forward
	assert_clean
	NM_WRAP=()
	publish web 8080:80
	read_only_settings
	withdraw web
	assert_no_reach ext tcp 10.88.7.3 90
	NM_WRAP=()
	run_natmap gc
	assert "$(forwarding up0 br0)" = '0 0 0'
	assert_no_rule host natmap:@forward
}

# no_forward_rule: nothing keeps an interface of the host closed
no_forward_rule() {
	[[ "$(rules host)" != *natmap:@forward* ]]
}

# systemd_is_up PID: the path unit of the systemd that is a child of this process is active; sets $init to its id
systemd_is_up() {
	init=$(pgrep -P "$1") && [[ -e "$NM_TMP/up" ]]
}

# groups_are_gone: the control groups of systemd_start are removed, which is so when their processes have ended
groups_are_gone() {
	find "$groups/$NM_NS" -depth -type d -exec rmdir {} + 2>/dev/null
}

# systemd_start: systemd runs on the host with the path unit, and with natmap gc as the service that this starts
systemd_start() {
	local units=$NM_TMP/units unit='[Unit]\nDefaultDependencies=no\n'
	mkdir "$units" "$groups"
	sed 's/^\[Unit\]/&\nDefaultDependencies=no/' "$BATS_TEST_DIRNAME/../hooks.d/natmap-forwarding.path" >"$units/natmap-forwarding.path"
	# shellcheck disable=SC2059 # the format is this file's
	printf "${unit}[Service]\nType=oneshot\nExecStart=%s gc\n" "$(natmap_argv | xargs)" >"$units/natmap-gc.service"
	# shellcheck disable=SC2059
	printf "${unit}Requires=natmap-forwarding.path\nAfter=natmap-forwarding.path\n[Service]\nExecStart=touch %s\n" "$NM_TMP/up" >"$units/up.service"
	mount -t cgroup2 none "$groups" && mkdir "$groups/$NM_NS"
	# shellcheck disable=SC2016 # for these shells
	spawn host sh -c 'echo $$ >"$2/cgroup.procs" && exec unshare --fork --pid --kill-child --mount-proc --mount --propagation private \
		--cgroup sh -c "$3" sh "$1"' sh "$units" "$groups/$NM_NS" \
		'mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup &&
			export container=test SYSTEMD_UNIT_PATH="$1" && exec /lib/systemd/systemd --system --unit=up.service'
	wait_for systemd_is_up "$spawned"
}

# systemd has processes, mounts and control groups of its own, and so does natmap in it: a state of another PID namespace is
# not judged. Hence a static rule instead of a container.
# bats test_tags=once
@test "the path unit has forwarding that is switched on noticed at once" {
	local init groups=$NM_TMP/groups
	systemd_start
	config "$NM_STATIC"
	# shellcheck disable=SC2034 # for run_natmap
	NM_WRAP=(nsenter -t "$init" -m -p -r)
	run_natmap reload
	assert_rule host natmap:@forward/up0
	assert_no_reach ext tcp 10.88.7.3 90
	on host nsenter -t "$init" -m -p -r sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	wait_for no_forward_rule
	assert_reach private ext tcp 10.88.7.3 90
	assert "$(forwarding up0 br0)" = '1 1 1'
	kill_group "$spawned"
	wait_for groups_are_gone
}
