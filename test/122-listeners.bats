#!/usr/bin/env bats
# Local services whose address overlaps that of a mapping: those that the rules would hide are in the way, and no others.
# shellcheck disable=SC2154 # $stderr and $output come from run_natmap

load helpers/natmap

# listen OPTIONS: a tcp service of socat's with these options
listen() {
	spawn host socat "TCP6-LISTEN:$1,fork" SYSTEM:'echo own'
	wait_for listens "${1%%,*}"
}

listens() {
	[[ -n "$(on host ss -Hltn "sport = :$1")" ]]
}

services() {
	serve host tcp 8001 # all IPv4 addresses, and all IPv6 addresses
	serve host udp 8001
	serve host tcp 192.0.2.1:8002
	serve host tcp 127.0.0.1:8003
	serve host tcp 127.0.0.53:8004 # as systemd-resolved
	serve host tcp '[::1]:8005'
	listen 8006,ipv6only=0
	listen 8007,ipv6only=0,so-bindtodevice=br0
	serve host tcp '[fd00:99::1]:8008'
	serve host udp 10.88.7.1:53 # as podman's aardvark-dns
	serve host udp '[fd00:7::1]:54'
	serve ctr tcp 80 container
}

# taken MAPPING ADDRESS PORT: it is refused because of the service there
taken() {
	publish rc=4 web "$1" || return 1
	assert "$stderr" has "listens on $2, port $3" "$1"
}

# not_taken MAPPING [KEY=VALUE...]
not_taken() {
	publish web "$@" || fail "refused: $*" || return 1
	withdraw web
}

@test "a service whose address overlaps a mapping's is in the way, as for bind(2)" {
	services
	local before m
	before=$(snapshot host)
	for m in 192.0.2.1:8001:80 127.0.0.1:8001:80 192.0.2.3:8001:80/udp; do
		taken "$m" 0.0.0.0 8001
	done
	for m in '[fd00:99::1]:8001:80' '[fd00:99::3]:8001:80/udp'; do
		taken "$m" :: 8001
	done
	taken 7995-8005:80-90 0.0.0.0 8001
	for m in 8002:80 0.0.0.0:8002:80 8002-8090:80-168; do
		taken "$m" 192.0.2.1 8002
	done
	taken 8003:80 127.0.0.1 8003
	for m in 8006:80 192.0.2.1:8006:80 0.0.0.0:8006:80 127.0.0.1:8006:80 '[::]:8006:80' '[fd00:99::1]:8006:80'; do
		taken "$m" :: 8006
	done
	for m in 8007:80 10.88.7.1:8007:80 192.0.2.1:8007:80 '[fd00:99::1]:8007:80' 8007-8107:80-180; do
		taken "$m" :: 8007
	done
	taken 8008:80 fd00:99::1 8008
	taken '[::]:8008:80' fd00:99::1 8008
	taken 53:53/udp 10.88.7.1 53
	taken 54:53/udp fd00:7::1 54
	same "the host" "$before" "$(snapshot host)"
	config '{"dynamic_ports": "8001-8003"}'
	publish rc=4 web 0:80
	config '{"dynamic_ports": "8006-8008", "listener_check": "exact"}'
	publish rc=4 web 0:80
}

@test "a service that the rules do not hide is not in the way" {
	services
	local m
	for m in '[::]:8002:80' 192.0.2.3:8002:80 8002:80/udp '[::]:8003:80' 192.0.2.1:8003:80 0.0.0.0:8008:80 '[::]:53:53/udp' \
		0.0.0.0:54:53/udp 53:53 '[::]:7000-7100:80-180,0.0.0.0:9000-9100:80-180'; do
		not_taken "$m"
	done
	not_taken 8008:80 address=10.88.7.2
	publish web 8004:80,8005:80
	assert_reach host host tcp 127.0.0.53 8004
	assert_reach host host tcp ::1 8005
	assert_reach container host tcp 127.0.0.1 8004
	withdraw web
	config '{"localhost": false}'
	publish web 8003:80
	assert_reach host host tcp 127.0.0.1 8003
	assert_reach container ext tcp 192.0.2.1 8003
}

@test "with listener_check exact only a service on the very address is in the way, and check tells the others apart" {
	config '{"listener_check": "exact"}'
	services
	taken 8001:80 0.0.0.0 8001
	taken 192.0.2.1:8002:80 192.0.2.1 8002
	not_taken 192.0.2.1:8001:80,8007:80,8008:80
	publish web 8002:80,53:53/udp
	assert_reach container ext tcp 192.0.2.1 8002
	run_natmap check
	config '{}'
	run_natmap rc=3 check --json
	assert "$output" has hidden-listener
	assert "$output" has "port mapping '8002:80/tcp': a local process listens on 192.0.2.1, port 8002 and is hidden"
	assert "$output" has '10.88.7.1, port 53'
	run_natmap rc=1 doctor
	assert "$output" has "container 'web': port mapping '53:53/udp': a local process listens on 10.88.7.1, port 53 and is hidden"
	run_natmap reload
	assert_reach container ext tcp 192.0.2.1 8002
	config '{"listener_check": "off"}'
	run_natmap check
	run_natmap doctor
}

# bats test_tags=once
@test "the process is named where it has a control group of its own" {
	local root=/sys/fs/cgroup group server
	[[ ! -d "$root/unified" ]] || root=$root/unified
	group=$root/$NM_NS
	mkdir "$group" || skip "no control groups of version 2"
	spawn host sh -c "echo \$\$ >$group/cgroup.procs && exec $NM_PROGRAMS/answer udp 53 dns 10.88.7.1"
	server=$spawned
	wait_for grep -q ':0035 ' "/proc/$server/net/udp"
	publish rc=4 web 53:53/udp
	kill_group "$server"
	wait_for rmdir "$group"
	assert "$stderr" has "process $server (answer) listens on 10.88.7.1, port 53"
}
