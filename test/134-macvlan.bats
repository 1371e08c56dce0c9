#!/usr/bin/env bats
# Containers on a macvlan: published where the host's packets reach it, refused where they do not. (ipvlan is not in every
# kernel; natmap(8) has a table of both.)
# shellcheck disable=SC2154 # $stderr comes from run_natmap
# bats file_tags=once

load helpers/natmap

setup() {
	net_up
	serve ctr tcp 80 mac
}

# child PARENT MODE ADDRESS...: from now on the container's mac0
child() {
	local address
	on host ip link add mac0 link "$1" address 02:00:00:00:00:50 type macvlan mode "$2"
	on host ip link set mac0 netns "/run/netns/$NM_NS-ctr"
	for address in "${@:3}"; do
		on ctr ip addr add "$address" dev mac0
	done
	on ctr ip link set mac0 up
}

# sibling MODE: the host's own macvlan on up0, and its routes to mac0
sibling() {
	ip_batch host <<-END
		link add shim0 link up0 type macvlan mode $1
		addr add 192.0.2.4/32 dev shim0
		addr add fd00:99::4/128 dev shim0 nodad
		link set shim0 up
		route add 192.0.2.50 dev shim0
		route add fd00:99::50 dev shim0
	END
}

# works: the port answers everybody; dead INTERFACE WHAT: it is refused, since the route leaves by that interface
works() {
	publish mac 8080:80 interface=mac0
	assert_reach mac ext tcp 192.0.2.1 8080
	assert_reach mac host tcp 192.0.2.1 8080
	assert_reach mac host tcp 127.0.0.1 8080
	assert_reach mac ext tcp fd00:99::1 8080
	assert_reach mac host tcp fd00:99::1 8080
	withdraw mac
	on ctr ip link del mac0
}

dead() {
	publish rc=5 mac 8080:80 interface=mac0
	assert "$stderr" has "leaves by '$1', which does not lead to the container's interface 'mac0'" "$2"
	on ctr ip link del mac0
}

@test "a macvlan on the host's own interface is refused, and so is one that its host's sibling does not reach" {
	local mode
	for mode in bridge private vepa passthru; do
		child up0 $mode 192.0.2.50/24 fd00:99::50/64
		dead up0 $mode
	done
	sibling bridge
	for mode in private vepa; do
		child up0 $mode 192.0.2.50/24 fd00:99::50/64
		dead shim0 "$mode beside bridge"
	done
	child up0 bridge 192.0.2.50/24 fd00:99::50/64
	works
	on host ip link del shim0
	sibling private
	child up0 bridge 192.0.2.50/24
	dead shim0 "bridge beside private"
	on host ip link del vctr
	child br0 bridge 10.88.7.50/24
	dead br0 "on a bridge, which reaches the container by no port"
}

@test "a macvlan on a veth whose other end is a port of the bridge is reached, whatever its mode" {
	local mode
	on host ip link add way0 type veth peer name way1
	on host ip link set way1 master br0 up
	on host ip link set way0 up
	on ctr ip link set eth0 down
	for mode in private passthru; do
		child way0 $mode 10.88.7.50/24 fd00:7::50/64
		on ctr ip route add default via 10.88.7.1
		on ctr ip route add default via fd00:7::1
		works
	done
}
