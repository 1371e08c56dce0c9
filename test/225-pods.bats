#!/usr/bin/env bats
# A pod of podman's whose infra container was restarted: it has a network namespace made anew, while other containers of it
# still run in the old one, where no address is left. Made of control groups and processes, without podman.
# shellcheck disable=SC2154 # $stderr and $output come from run_natmap

load helpers/natmap

setup() {
	net_up
	groups=$(groups_find)/$NM_NS
	mkdir "$groups"
	pod=$(printf '%064x' 11)
	other=$(printf '%064x' 12)
}

teardown() {
	net_down
	wait_for groups_remove
}

# groups_find: where control groups can be made that hold processes
groups_find() {
	local at
	for at in /sys/fs/cgroup /sys/fs/cgroup/*; do
		[[ -e "$at/cgroup.procs" && -w "$at" ]] || continue
		echo "$at" && return
	done
	fail "no control groups"
}

groups_remove() {
	[[ ! -d "$groups" ]] || find "$groups" -depth -type d -exec rmdir {} +
}

# start ID NODE [GROUP]: the container's process, in a control group as podman makes it, or as GROUP (libpod_parent/POD/libpod-ID)
start() {
	local at="$groups/${3-libpod_parent/$pod/libpod-$1}"
	ctr_start "$1" "$2"
	mkdir -p "$at"
	ctr_pid "$1" >"$at/cgroup.procs"
}

# stop ID: the hook after the end
stop() {
	ctr_stop "$1"
	withdraw "$1"
}

# infra_restarted FROM: the namespace of FROM has no network any more
infra_restarted() {
	on host ip link del "v$1"
}

# plug NODE LAST: it has one again
plug() {
	on host ip link add "v$1" type veth peer name eth0 netns "/run/netns/$NM_NS-$1"
	on host ip link set "v$1" master br0 up
	net_ctr_up "$1" "$2"
	wait_for net_is_up
}

@test "the containers of a pod are published in its new namespace, in whatever order they are restarted" {
	local first second rest now=ctr next=ctr2 n=3
	serve ctr tcp 80 pod
	serve ctr2 tcp 80 pod
	for first in a b c; do
		start "$first" ctr
		publish "$first" 8080:80
	done
	while read -r first second rest; do
		infra_restarted "$now"
		stop "$first"
		start "$first" "$next"
		publish "$first" 8080:80
		assert "$(live_ids | xargs -n 1 | sort | xargs)" = 'a b c'
		assert_no_rule host "$(leads_to "10.88.7.$((n == 3 ? 2 : n - 1))" 80)"
		assert_reach pod ext tcp 192.0.2.1 8080
		assert_reach pod ext tcp fd00:99::1 8080
		run_natmap rc=3 check
		assert "$output" has "container '$second' no longer has the address 10.88.7."
		assert "$output" has "container '$second' no longer has the address fd00:7::"
		[[ "$rest" != dies ]] || ctr_stop "$second" # and no hook tells
		[[ "$rest" = dies ]] || stop "$second"
		start "$second" "$next"
		publish "$second" 8080:80
		rest=${rest/#dies/a}
		stop "$rest"
		start "$rest" "$next"
		publish "$rest" 8080:80
		run_natmap check
		assert_reach pod ext tcp 192.0.2.1 8080
		plug "$now" "$((++n))"
		read -r now next <<<"$next $now"
	done <<-END
		a b c
		c b a
		b c dies
	END
	for first in a b c; do
		withdraw "$first"
	done
	assert_clean
}

@test "a pod whose groups systemd manages, and one of which a container is started for the first time" {
	local slice=machine.slice/machine-libpod_pod_$pod.slice
	start a ctr "$slice/libpod-a.scope/container"
	publish a 8080:80 9000:90
	infra_restarted ctr
	start new ctr2 "$slice/libpod-new.scope/container"
	publish new 8080:80
	assert_rule host "$(leads_to 10.88.7.3 80)"
	assert_no_rule host 10.88.7.2
	assert "$(live_ids)" = 'new a'
	run_natmap list
	assert "$output" =~ 'a +8080:80/tcp +running +0  -'$'\n'
	start stranger ctr2
	publish rc=4 stranger 9000:90
	assert "$stderr" has "container 'a'"
	withdraw new
	assert "$(live_ids)" = a
	publish rc=4 stranger 8080:80
	withdraw a
	publish stranger 8080:80 9000:90
	withdraw stranger
	assert_clean
}

@test "no other container gets the port of one that has lost its address" {
	local before id group ports="8080:80 8081:81" pid
	start a ctr
	# shellcheck disable=SC2086 # two words
	publish a $ports
	start mate ctr2
	publish rc=4 mate 8080:80
	assert "$stderr" has "taken by container 'a'"
	infra_restarted ctr
	before=$(snapshot host)
	publish rc=4 mate 8080:81
	while read -r id group; do
		start "$id" ctr2 "$group"
		pid=$(ctr_pid "$id")
		state "$id" "$pid" creating io.natmap.ports=8080:80 "io.kubernetes.cri-o.SandboxID=$pod" \
			io.kubernetes.cri-o.ContainerType=container >"$NM_TMP/in"
		run_natmap rc=4 hook createRuntime <"$NM_TMP/in"
		assert "$stderr" has "taken by container 'a'" "for $id in $group"
	done <<-END
		w libpod_parent/$other/libpod-w
		x libpod_parent/libpod-x
		y libpod_parent/$pod/libpod-mate/libpod-y
		z libpod_parent/$pod/libpod-mate
		v libpod_parent/$pod/v
		u libpod_parent/x$pod/libpod-u
	END
	same 'the host' "$before" "$(snapshot host)"
	publish mate 8080:80
	assert "$(live_ids)" = 'mate a'
}

@test "a container that loses its address in one family keeps its ports in the other when somebody takes that address" {
	local family
	serve ctr tcp 80 web
	serve ctr2 tcp 80 stranger
	for family in '4 10.88.7.2/24 192.0.2.1 fd00:99::1' '6 fd00:7::2/64 fd00:99::1 192.0.2.1 nodad'; do
		# shellcheck disable=SC2086 # words
		set -- $family
		publish web 8080:80
		on ctr ip "-$1" address del "$2" dev eth0
		on ctr2 ip "-$1" address add "$2" dev eth0 ${5:+"$5"}
		ctr_start other ctr2
		publish other 9000:80 "address=${2%/*}"
		assert "$(live_ids)" = 'other web' "IPv$1"
		assert_no_reach ext tcp "$3" 8080
		assert_reach web ext tcp "$4" 8080
		assert_reach stranger ext tcp "$3" 9000
		publish rc=4 other 9000:80 8080:80 "address=${2%/*}"
		withdraw other
		on ctr2 ip "-$1" address del "$2" dev eth0
		on ctr ip "-$1" address add "$2" dev eth0 ${5:+"$5"}
		[[ $1 = 6 ]] || on ctr ip route replace default via 10.88.7.1
		on host ip neigh flush dev br0
		withdraw web
		assert_clean
	done
}
