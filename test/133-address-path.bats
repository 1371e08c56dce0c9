#!/usr/bin/env bats
# An address that the container's namespace shows is published only if what the host sends there comes to the container.
# bats file_tags=once
# shellcheck disable=SC2154 # $stderr comes from run_natmap

load helpers/natmap

setup() {
	net_up
	ctr_start web >/dev/null
}

# claim [KEY=VALUE...]: publishes IPv4 and IPv6 each by itself, withdraws, and says what was refused and where the others led
claim() {
	local ports said=""
	for ports in 0.0.0.0:8080:80 '[::]:8080:80'; do
		publish rc=any web "$ports" "$@" >&2
		case $status in
		0) said+=" $(sed -n 's/^{"live":1,.*"addresses":\["\([^/]*\)\/.*/\1/p' "$(state_dir)/state")" ;;
		5) said+=" $(grep -o "leaves by '[^']*'" <<<"$stderr")" ;;
		*) said+=" $status: $stderr" ;;
		esac
		[[ $status != 0 ]] || withdraw web >&2
	done
	echo "${said# }"
}

# shows INTERFACE ADDRESS...: of the container's interfaces this one alone has addresses: these
shows() {
	on ctr ip address flush dev eth0 scope global
	local address
	for address in "${@:2}"; do
		on ctr ip address add "$address" dev "$1" nodad
	done
	on ctr ip link set "$1" up
}

@test "an address of a LAN machine is refused on every interface that a container can make" {
	local interface refused="leaves by 'up0' leaves by 'up0'"
	on ctr ip link add bridge0 type bridge
	on ctr ip tuntap add tun0 mode tun
	on ctr ip link add pair0 type veth peer name pair1
	on ctr ip link add over0 link eth0 type macvlan
	for interface in eth0 bridge0 tun0 pair0 over0 lo; do
		shows "$interface" 192.0.2.77/24 fd00:99::77/64
		[[ "$interface" = lo ]] || assert "$(claim)" = "$refused" "on $interface"
		assert "$(claim interface="$interface")" = "$refused" "on $interface, annotated"
		assert "$(claim address=192.0.2.77,fd00:99::77)" = "$refused" "on $interface, its address annotated"
		on ctr ip address flush dev "$interface" scope global
	done
	shows eth0 192.0.2.77/24 fd00:99::77/64
	run_natmap rc=5 add --pid "$(ctr_pid web)" web 8080:80
	assert "$stderr" has "leaves by 'up0', which does not lead to the container's interface 'eth0'"
	assert_no_state
	run_natmap add --address 192.0.2.77 web 8080:80
	run_natmap remove web
	config '{"policy": {"address": ["192.0.2.77", "fd00:99::/64"]}}'
	assert "$(claim)" = '192.0.2.77 fd00:99::77' "the administrator allows it"
}

# other_bridge: ctr2 is on a bridge of its own, br1, with 10.99.0.2 and fd00:9::2
other_bridge() {
	on host ip link add br1 type bridge
	on host ip address add 10.99.0.1/24 dev br1
	on host ip address add fd00:9::1/64 dev br1 nodad
	on host ip link set br1 up
	on host ip link set vctr2 master br1
}

# index NODE INTERFACE
index() {
	on "$1" cat "/proc/net/dev_snmp6/$2" | sed -n 's/^ifIndex[ \t]*//p'
}

@test "an address behind another bridge is refused, also by an interface that has the neighbour's numbers" {
	local refused="leaves by 'br1' leaves by 'br1'" inside outside
	other_bridge
	shows eth0 10.99.0.2/24 fd00:9::2/64
	assert "$(claim)" = "$refused"
	on ctr ip address flush dev eth0 scope global
	on ctr ip link del eth0
	inside=$(index ctr2 eth0)
	outside=$(index host vctr2)
	NM_NODES+=" tenant"
	ip netns add "$NM_NS-tenant"
	on tenant ip link set lo up
	on ctr ip link add fake0 index "$inside" type veth peer name end0 netns "/run/netns/$NM_NS-tenant" index "$outside"
	on tenant ip link set end0 up
	on ctr ip link set fake0 up
	assert "$(index tenant end0)" = "$outside"
	on ctr ip address add 10.99.0.2/24 dev fake0
	on ctr ip address add fd00:9::2/64 dev fake0 nodad
	assert "$(claim)" = "$refused"
}

@test "an address is published if the host's route leads to any interface of the container" {
	on host ip link add way2 type veth peer name eth1 netns "/run/netns/$NM_NS-ctr"
	on host ip link set way2 up
	on ctr ip link set eth1 up
	on host ip route add 10.5.0.5 dev way2
	on host ip -6 route add fd00:5::5 dev way2
	shows eth1 10.5.0.5/24 fd00:5::5/64
	assert "$(claim)" = '10.5.0.5 fd00:5::5' "a link of its own"
	on ctr ip address flush dev eth1 scope global
	shows eth0 10.5.0.5/24 fd00:5::5/64
	assert "$(claim)" = '10.5.0.5 fd00:5::5' "by another interface than that of the address"
	on host ip route replace 10.5.0.5 dev br0
	on host ip -6 route replace fd00:5::5 dev br0
	on ctr ip link add inner0 type bridge
	on ctr ip link set eth0 master inner0
	shows inner0 10.5.0.5/24 fd00:5::5/64
	assert "$(claim)" = '10.5.0.5 fd00:5::5' "on a bridge in the container"
	on ctr ip link del inner0
	shows lo 10.5.0.5/32 fd00:5::5/128
	assert "$(claim address=10.5.0.5,fd00:5::5)" = '10.5.0.5 fd00:5::5' "on its loopback interface"
}

@test "an address is published if the host's interface is on top of the bridge, or beside the container on its port" {
	on host ip link add shim0 link br0 type macvlan mode bridge
	on host ip link set shim0 up
	on host ip route add 10.5.0.5 dev shim0
	on host ip -6 route add fd00:5::5 dev shim0
	shows eth0 10.5.0.5/24 fd00:5::5/64
	assert "$(claim)" = '10.5.0.5 fd00:5::5' "on top of the bridge"
	on host ip link del shim0
	on host ip link add end0 type veth peer name end1
	on host ip link set end0 up
	on host ip link set end1 master br0 up
	on host ip route add 10.5.0.5 dev end0
	on host ip -6 route add fd00:5::5 dev end0
	assert "$(claim)" = '10.5.0.5 fd00:5::5' "at the other end of a port of the bridge"
	on host ip route del 10.5.0.5 dev end0
	on host ip -6 route del fd00:5::5 dev end0
	on host ip link add br1 type bridge
	on host ip link set br1 up
	on host ip route add 10.5.0.5 dev br1
	on host ip -6 route add fd00:5::5 dev br1
	assert "$(claim)" = "leaves by 'br1' leaves by 'br1'" "on another bridge"
	on host ip link set end0 master br1
	assert "$(claim)" = '10.5.0.5 fd00:5::5' "on another bridge that is joined to it"
	on host ip link del end0
	on host ip link add mac0 link up0 type macvlan mode bridge
	on host ip link set mac0 netns "/run/netns/$NM_NS-ctr"
	shows mac0 192.0.2.50/24 fd00:99::50/64
	assert "$(claim)" = "leaves by 'up0' leaves by 'up0'" "macvlan, which its own uplink does not reach"
	on host ip link add shim0 link up0 type macvlan mode bridge
	on host ip link set shim0 up
	on host ip route add 192.0.2.50 dev shim0
	on host ip -6 route add fd00:99::50 dev shim0
	assert "$(claim)" = '192.0.2.50 fd00:99::50' "macvlan beside macvlan"
}
