#!/usr/bin/env bats
# Who reaches a published port: the cross product of protocol, family, host address and origin. The host drops what it
# forwards by default, so that every answer is one that natmap's own rules let through.
# shellcheck disable=SC2154 # $stderr comes from run_natmap

load helpers/natmap

setup() {
	net_up
	on host iptables -P FORWARD DROP
	on host ip6tables -P FORWARD DROP
}

# ask_by_curl HOST: what answers on its port 8080, half a second long; curl knows the scope of an address
ask_by_curl() {
	on ext curl --silent --max-time 0.5 --noproxy '*' --http0.9 "http://$1:8080/" || :
}

@test "ports answer on link-local addresses of the host's in IPv4 alone" {
	local address
	serve ctr tcp 80
	publish web 8080:80
	on host ip address add 169.254.9.1/16 dev up0
	on ext ip address add 169.254.9.2/16 dev eth0
	assert_reach ctr ext tcp 169.254.9.1 8080 from=169.254.9.2
	address=$(on host ip -6 -o address show dev up0 scope link)
	[[ "$address" =~ fe80[^/]* ]]
	assert "$(ask_by_curl "[${BASH_REMATCH[0]}%25eth0]"), $(ask_by_curl '[fd00:99::1]')" =~ ^', ctr'
}

@test "tcp on every address, over IPv4" {
	test_publish
}

@test "tcp on every address, over IPv6" {
	test_publish ip=6
}

@test "udp on every address, over IPv4" {
	test_publish proto=udp ports=5353:53
}

@test "udp on every address, over IPv6" {
	test_publish proto=udp ip=6 ports=5353:53
}

@test "tcp on 0.0.0.0 is published on IPv4 only" {
	test_publish hostip=0.0.0.0
}

@test "udp on 0.0.0.0 is published on IPv4 only" {
	test_publish proto=udp hostip=0.0.0.0
}

@test "tcp on [::] is published on IPv6 only" {
	test_publish ip=6 hostip=::
}

@test "udp on [::] is published on IPv6 only" {
	test_publish proto=udp ip=6 hostip=::
}

@test "tcp on one IPv4 address of the host" {
	test_publish hostip=192.0.2.1
}

@test "udp on one IPv4 address of the host" {
	test_publish proto=udp hostip=192.0.2.1
}

@test "udp on a second address of the host is answered from that address" {
	test_publish proto=udp hostip=192.0.2.3
}

@test "tcp on one IPv6 address of the host" {
	test_publish ip=6 hostip=fd00:99::1
}

@test "udp on a second IPv6 address of the host" {
	test_publish proto=udp ip=6 hostip=fd00:99::3
}

@test "tcp on 127.0.0.1 is published on the host alone" {
	test_publish hostip=127.0.0.1
}

@test "udp on 127.0.0.1 is published on the host alone" {
	test_publish proto=udp hostip=127.0.0.1
}

@test "tcp on 127.0.0.2 is another place than 127.0.0.1" {
	serve host tcp 127.0.0.1:8080 own
	test_publish hostip=127.0.0.2
	assert_reach own host tcp 127.0.0.1 8080
}

@test "udp on 127.0.0.2" {
	test_publish proto=udp hostip=127.0.0.2
}

@test "a tcp range, shifted, over IPv4" {
	test_publish ports=8000-8010:9000-9010
}

@test "a tcp range, shifted, over IPv6" {
	test_publish ip=6 ports=8000-8010:9000-9010
}

@test "a udp range, shifted, on one IPv4 address" {
	test_publish proto=udp hostip=192.0.2.1 ports=8000-8010:9000-9010
}

@test "a udp range, shifted, on one IPv6 address" {
	test_publish proto=udp ip=6 hostip=fd00:99::1 ports=8000-8010:9000-9010
}

@test "a range shifted downwards, on 127.0.0.1" {
	test_publish hostip=127.0.0.1 ports=8000-8010:80-90
}

@test "each port of a range leads to its own, and the ports beside it nowhere" {
	local i
	for i in 9000 9001 9002 9003; do
		serve ctr tcp "$i" "$i"
	done
	publish web 8001-8002:9001-9002
	assert_reach 9001 ext tcp 192.0.2.1 8001
	assert_reach 9002 ext tcp 192.0.2.1 8002
	assert_reach 9001 host tcp 127.0.0.1 8001
	assert_reach 9002 ext tcp fd00:99::1 8002
	assert_no_reach ext tcp 192.0.2.1 8000
	assert_no_reach ext tcp 192.0.2.1 8003
	assert_no_reach ext udp 192.0.2.1 8001
}

@test "with FORWARD policy ACCEPT, all of it works, too" {
	on host iptables -P FORWARD ACCEPT
	on host ip6tables -P FORWARD ACCEPT
	test_publish
	test_publish proto=udp ip=6 hostip=fd00:99::1 id=dns
}

@test "a container with IPv4 only is published over IPv4" {
	on ctr ip -6 addr flush dev eth0 scope global
	test_publish
}

@test "tcp and udp on one port number, and one address after the wildcard has gone" {
	serve ctr tcp 80 stream
	serve ctr udp 80 datagram
	serve ctr tcp 81 special
	publish one 8080:80
	publish two 8080:80/udp
	publish rc=4 three 192.0.2.3:8080:81 # the wildcard has claimed it
	withdraw one
	publish three 192.0.2.3:8080:81
	assert_reach special ext tcp 192.0.2.3 8080
	assert_no_reach ext tcp 192.0.2.1 8080
	assert_reach datagram ext udp 192.0.2.1 8080
}

@test "two containers on two addresses with one port number" {
	serve ctr tcp 80 one
	serve ctr2 tcp 80 two
	ctr_start two ctr2
	publish one 192.0.2.1:80:80 '[fd00:99::1]:80:80'
	publish two 192.0.2.3:80:80 '[fd00:99::3]:80:80'
	assert_reach one ext tcp 192.0.2.1 80
	assert_reach two ext tcp 192.0.2.3 80
	assert_reach one ext tcp fd00:99::1 80
	assert_reach two ext tcp fd00:99::3 80
	assert_reach two ctr tcp 192.0.2.3 80
	assert_reach one ctr2 tcp fd00:99::1 80
	withdraw one
	assert_no_reach ext tcp 192.0.2.1 80
	assert_reach two ext tcp 192.0.2.3 80
}

@test "a neighbour and the container itself are seen by the bridge's address, the client outside by its own" {
	serve ctr tcp 80 'web %p'
	publish web 8080:80
	assert_reach 'web 192.0.2.9' ext tcp 192.0.2.1 8080 from=192.0.2.9
	assert_reach 'web 10.88.7.1' ctr2 tcp 192.0.2.1 8080
	assert_reach 'web 10.88.7.1' ctr tcp 192.0.2.1 8080
	assert_reach 'web 10.88.7.1' host tcp 127.0.0.1 8080
	assert_reach 'web fd00:7::1' ctr2 tcp fd00:99::1 8080
}

# second_network: another bridge, with ctr2 and an eth1 of ctr without address; no br_netfilter, which would hide faults
second_network() {
	# shellcheck disable=SC2016 # for that shell
	on host sh -c 'for f in /proc/sys/net/bridge/bridge-nf-call-ip*tables; do [ ! -e "$f" ] || echo 0 >"$f"; done'
	ip_batch host ipv6/conf/default/accept_dad=0 <<-END
		link add br1 type bridge
		addr add 10.99.0.1/24 dev br1
		addr add fd00:9::1/64 dev br1 nodad
		link set br1 up
		link set vctr2 master br1
		link add vctrb type veth peer name eth1 netns $NM_NS-ctr
		link set vctrb master br1 up
	END
	ip_batch ctr2 <<-END
		addr flush dev eth0 scope global
		addr add 10.99.0.3/24 dev eth0
		addr add fd00:9::3/64 dev eth0 nodad
		route replace default via 10.99.0.1
		route replace default via fd00:9::1
	END
	on ctr ip link set eth1 up
	wait_for net_is_up
}

# neighbour_reaches PORT: ctr2 and ctr itself reach it through the second network's bridge, seen by the host's address
neighbour_reaches() {
	assert_reach 'web 10.88.7.1' ctr2 tcp 192.0.2.1 "$1"
	assert_reach 'web fd00:7::1' ctr2 tcp fd00:99::1 "$1"
	assert_reach 'web 10.88.7.1' ctr tcp 10.99.0.1 "$1"
	assert_reach 'web 10.88.7.1' ctr tcp 192.0.2.1 "$1"
	assert_reach 'web 192.0.2.2' ext tcp 192.0.2.1 "$1"
}

@test "a container in two networks is reached from both, and add finds one that came later" {
	serve ctr tcp 80 'web %p'
	second_network
	publish web 8080:80
	on ctr ip addr add 10.99.0.2/24 dev eth1
	on ctr ip addr add fd00:9::2/64 dev eth1 nodad
	run_natmap add web 8081:80
	neighbour_reaches 8081
	neighbour_reaches 8080
	withdraw web
	assert_clean
	publish web 8080:80
	neighbour_reaches 8080
	assert "$(jq -c 'select(.live == 1) | .networks' "$(state_dir)/state")" = '["10.99.0.0/24","fd00:9::/64"]'
	run_natmap reload
	run_natmap check
	run_natmap remove web 8080:80
	assert_clean
}

@test "networks of a container: only what it answers without the host, and not without end" {
	local i
	on ctr ip addr add 10.88.7.9/25 dev eth0 # within its own network
	on ctr ip addr add 10.98.0.2/16 dev lo   # to which the host has a longer route
	on host ip route add 10.98.0.2/32 dev br0
	on ctr ip addr add 169.254.9.9/16 dev eth0 scope link
	publish web 0.0.0.0:8080:80
	assert "$(jq -c 'select(.live == 1) | .networks' "$(state_dir)/state")" = '["10.98.0.2/32"]'
	withdraw web
	for ((i = 1; i < 30; i++)); do
		echo "addr add 10.97.$i.2/24 dev lo"
	done | ip_batch ctr
	publish web 0.0.0.0:8080:80
	assert "$(jq -c 'select(.live == 1) | .networks[15:]' "$(state_dir)/state")" = '["10.97.15.0/24"]'
	withdraw web
	assert_clean
}

@test "localhost false: 127.0.0.1 is not published, and the rest is" {
	config '{"localhost": false}'
	serve ctr tcp 80 web
	publish web 8080:80
	assert_reach web ext tcp 192.0.2.1 8080
	assert_reach web host tcp 192.0.2.1 8080
	assert_no_reach host tcp 127.0.0.1 8080
	assert "$(on host cat /proc/sys/net/ipv4/conf/br0/route_localnet)" = 0
	publish rc=5 other 127.0.0.1:8081:81
	assert "$stderr" has localhost
}

@test "hairpin false: neighbours and the container itself do not, and others do" {
	config '{"hairpin": false}'
	serve ctr tcp 80 web
	publish web 8080:80
	assert_reach web ext tcp 192.0.2.1 8080
	assert_reach web host tcp 127.0.0.1 8080
	assert_no_reach ctr tcp 192.0.2.1 8080
	assert "$(on host bridge -d link show dev vctr)" has 'hairpin off'
}

@test "masquerade_all: containers see the host instead of the client" {
	config '{"masquerade_all": true}'
	serve ctr tcp 80 'web %p'
	publish web 8080:80
	assert_reach 'web 10.88.7.1' ext tcp 192.0.2.1 8080
	assert_reach 'web fd00:7::1' ext tcp fd00:99::1 8080
	assert_reach 'web 10.88.7.1' ctr tcp 192.0.2.1 8080
}

# bats test_tags=nftables
@test "sctp gets the elements of the others" {
	publish web 8080:80/sctp 192.0.2.1:9000-9001:9100-9101/sctp
	assert_rule host 'sctp . 8080 counter comment "natmap:web:8080" : 10.88.7.2 . 80'
	assert_rule host 'sctp . 8080 counter comment "natmap:web:8080" : fd00:7::2 . 80'
	assert_rule host '192.0.2.1 . sctp . 9001 counter comment "natmap:web:9000-9001" : 10.88.7.2 . 9101'
	assert_rule host '127.0.0.1 . sctp . 8080 counter'
	assert_rule host $'\t10.88.7.2 . sctp . 80 . 8080 comment'
	assert_rule host '192.0.2.1 . 10.88.7.2 . sctp . 9101 . 9001 comment'
	withdraw web
	assert_clean
}

# bats test_tags=iptables
@test "sctp gets the rules of the others" {
	publish web 8080:80/sctp 192.0.2.1:9000-9010:9100-9110/sctp
	assert_rule host '-A NATMAP -p sctp -m sctp --dport 8080 -m comment --comment "natmap:web:8080" -j DNAT --to-destination 10.88.7.2:80'
	assert_rule host '-A NATMAP -d 192.0.2.1/32 -p sctp -m sctp --dport 9000:9010'
	assert_rule host '-A NATMAP ! -s fe80::/10 -p sctp -m sctp --dport 8080'
	assert_rule host '-A NATMAP -d 10.88.7.2/32 -p sctp -m sctp --dport 80 -m conntrack --ctstate DNAT --ctorigdstport 8080'
	assert_rule host '-A OUTPUT -d 127.0.0.1/32 -p sctp'
	withdraw web
	assert_clean
}
