#!/usr/bin/env bats
# What a mapping must leave alone: packets to other machines, direct access to the container, rules of others, and the
# host's own services on 127.0.0.1.

load helpers/natmap

forward_drop() {
	on host iptables -P FORWARD DROP
	on host ip6tables -P FORWARD DROP
}

# loopback_via_host NODE GATEWAY: NODE sends packets to 127.0.0.1 and 127.0.0.2 to the host, as an attacker can
loopback_via_host() {
	on "$1" sh -c 'echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet'
	on "$1" ip addr del 127.0.0.1/8 dev lo
	on "$1" ip route add 127.0.0.0/8 via "$2"
}

# localnet_on INTERFACE: an administrator switches it on
localnet_on() {
	on host sh -c "echo 1 >/proc/sys/net/ipv4/conf/$1/route_localnet"
}

# others_answer HOW: other machines' servers on port 8080 answer whom they answered before
others_answer() {
	assert_reach ext host tcp 192.0.2.2 8080
	assert_reach ext ctr tcp 192.0.2.2 8080
	assert_reach ext ctr2 tcp 192.0.2.2 8080
	assert_reach ext ctr tcp fd00:99::2 8080
	assert_reach ctr2 ext tcp 10.88.7.3 8080
	assert_reach ctr2 ext tcp fd00:7::3 8080
	assert_reach ctr2 host tcp 10.88.7.3 8080
	assert_reach ctr2 ctr tcp 10.88.7.3 8080
	assert_reach ext-udp host udp 192.0.2.2 8080
	assert_reach ext-udp ctr udp 192.0.2.2 8080
	assert_reach ext-udp ctr2 udp fd00:99::2 8080
}

@test "transit traffic, and what the host and containers send, to the same port number of others is left alone" {
	serve ctr tcp 80 hijacked
	serve ctr udp 80 hijacked
	serve ext tcp 8080 ext
	serve ext udp 8080 ext-udp
	serve ctr2 tcp 8080 ctr2
	others_answer
	publish web 8080:80 8080:80/udp
	assert_reach hijacked ext tcp 192.0.2.1 8080
	others_answer
}

# bats test_tags=iptables
@test "a table of another publisher wins a port if its chain was made after iptables'" {
	local their_table='table ip theirs { chain pre { type nat hook prerouting priority -100; tcp dport 8080 dnat to 10.88.7.3:80; }; }'
	serve ctr tcp 80 ours
	serve ctr2 tcp 80 theirs
	on host nft "$their_table"
	publish rc=4 web 8080:80
	config '{"conflict_check": "off"}'
	publish web 8080:80
	assert_reach ours ext tcp 192.0.2.1 8080
	on host nft "delete table ip theirs; $their_table"
	assert_reach theirs ext tcp 192.0.2.1 8080
}

@test "the same with a mapping on specific addresses" {
	serve ctr tcp 80 hijacked
	serve ctr udp 80 hijacked
	serve ext tcp 8080 ext
	serve ext udp 8080 ext-udp
	serve ctr2 tcp 8080 ctr2
	publish web 192.0.2.1:8080:80 192.0.2.1:8080:80/udp '[fd00:99::1]:8080:80' 127.0.0.1:8080:80
	others_answer
}

@test "an address that the host has lost belongs to its new owner, from the host, containers and through the host" {
	local node
	serve ctr tcp 80 hijacked
	publish web 192.0.2.3:8080:80 '[fd00:99::3]:8080:80'
	assert_reach hijacked host tcp 192.0.2.3 8080
	on host ip addr del 192.0.2.3/24 dev up0
	on host ip addr del fd00:99::3/64 dev up0
	on ext ip addr add 192.0.2.3/24 dev eth0
	on ext ip addr add fd00:99::3/64 dev eth0 nodad
	serve ext tcp 8080 owner
	for node in host ctr ctr2; do
		assert_reach owner "$node" tcp 192.0.2.3 8080
		assert_reach owner "$node" tcp fd00:99::3 8080
	done
}

@test "under FORWARD policy DROP direct access to the container stays closed" {
	forward_drop
	serve ctr tcp 80 web
	serve ctr udp 53 dns
	publish web 8080:80 80:80 53:53/udp
	assert_reach web ext tcp 192.0.2.1 8080
	assert_reach web ext tcp 192.0.2.1 80
	assert_reach dns ext udp 192.0.2.1 53
	assert_reach web ext tcp fd00:99::1 80
	assert_no_reach ext tcp 10.88.7.2 80
	assert_no_reach ext udp 10.88.7.2 53
	assert_no_reach ext tcp fd00:7::2 80
	assert_no_reach ext tcp 10.88.7.2 8080
	on ctr iptables -A INPUT -s 192.0.2.9
	assert_no_reach ext tcp 10.88.7.2 80 from=192.0.2.9
	assert_no_reach ext udp 10.88.7.2 53 from=192.0.2.9
	assert "$(on ctr iptables -nvxL INPUT | awk '/192.0.2.9/ {print $1}')" -eq 0 "packets that came through, even one way"
}

@test "under FORWARD policy DROP the container cannot open a connection to the outside" {
	forward_drop
	serve ctr tcp 80 web
	serve ext tcp 443 ext
	publish web 8080:80
	assert_reach web ext tcp 192.0.2.1 8080
	assert_no_reach ctr tcp 192.0.2.2 443
	assert_no_reach ctr tcp fd00:99::2 443
}

@test "an administrator's DNAT to the same container and port is neither opened nor closed" {
	forward_drop
	serve ctr tcp 80 web
	on host iptables -t nat -A PREROUTING -p tcp --dport 9090 -j DNAT --to-destination 10.88.7.2:80
	on host iptables -t nat -A PREROUTING -d 192.0.2.3 -p tcp --dport 8080 -j DNAT --to-destination 10.88.7.2:80
	publish web 192.0.2.1:8080:80
	assert_reach web ext tcp 192.0.2.1 8080
	assert_no_reach ext tcp 192.0.2.1 9090
	assert_no_reach ext tcp 192.0.2.3 8080
	on host iptables -P FORWARD ACCEPT
	assert_reach web ext tcp 192.0.2.1 9090
	assert_reach web ext tcp 192.0.2.3 8080
	withdraw web
	assert_reach web ext tcp 192.0.2.1 9090
	assert_reach web ext tcp 192.0.2.3 8080
	assert_no_reach ext tcp 192.0.2.1 8080
}

# marked MARK [RULE]: what comes from outside has this mark from now on; the rule is for TCP behind the FORWARD chains
marked() {
	on host nft -f - <<-END
		table inet marked
		delete table inet marked
		table inet marked {
			chain prerouting { type filter hook prerouting priority -150; iifname "up0" meta mark set $1; }
			chain postrouting { type filter hook postrouting priority 0; meta l4proto != tcp accept; ${2-}; }
		}
	END
}

@test "a mark that packets come in with opens nothing, and is the same behind the FORWARD chains" {
	local mark iptables changed
	forward_drop
	serve ctr tcp 80 web
	serve ctr2 tcp 80 other
	on host iptables -t nat -A PREROUTING -p tcp --dport 9090 -j DNAT --to-destination 10.88.7.3:80
	on host ip6tables -t nat -A PREROUTING -p tcp --dport 9090 -j DNAT --to-destination '[fd00:7::3]:80'
	publish web 8080:80
	marked 0xffffffff
	assert_no_reach ext tcp 192.0.2.1 9090
	assert_no_reach ext tcp fd00:99::1 9090
	for iptables in iptables ip6tables; do
		on host $iptables -I FORWARD -p tcp -m conntrack --ctstate DNAT --ctorigdstport 9090 -j ACCEPT
	done
	for mark in 0xffffffff 0xffffefff 0; do
		changed="oifname br0 meta mark != $mark drop; oifname up0 meta mark != 0 drop; meta priority & 4000:0 == 4000:0 drop"
		marked $mark "$changed"
		assert_reach web ext tcp 192.0.2.1 8080
		assert_reach web ext tcp fd00:99::1 8080
		assert_reach other ext tcp 192.0.2.1 9090
		assert_reach other ext tcp fd00:99::1 9090
	done
}

@test "a mark that others set in the FORWARD chains stays, but for packets of published ports" {
	serve ctr tcp 80 web
	publish web 8080:80
	on host nft -f - <<-END
		table inet marking {
			chain forward { type filter hook forward priority 0; iifname "up0" meta mark set 0x1000; }
			chain postrouting {
				type filter hook postrouting priority 0
				oifname "br0" ct status & dnat == 0 meta mark != 0x1000 drop
			}
		}
	END
	assert_reach web ext tcp 10.88.7.2 80
	assert_reach web ext tcp fd00:7::2 80
	assert_reach web ext tcp 192.0.2.1 8080
}

@test "an administrator's DNAT that stood first keeps its port" {
	serve ctr tcp 80 web
	serve ctr2 tcp 80 admin
	on host iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 10.88.7.3:80
	publish rc=4 web 8080:80
	config '{"conflict_check": "off"}'
	publish web 8080:80
	assert_reach admin ext tcp 192.0.2.1 8080
	withdraw web
	assert_reach admin ext tcp 192.0.2.1 8080
}

@test "an administrator's DROP in DOCKER-USER is stronger than a mapping" {
	serve ctr tcp 80 web
	on host iptables -N DOCKER-USER
	on host iptables -A DOCKER-USER -s 192.0.2.9 -j DROP
	on host iptables -A DOCKER-USER -j RETURN
	on host iptables -I FORWARD -j DOCKER-USER
	on host iptables -P FORWARD DROP
	publish web 8080:80
	assert_reach web ext tcp 192.0.2.1 8080
	assert_no_reach ext tcp 192.0.2.1 8080 from=192.0.2.9
}

@test "a mapping on 127.x cannot be reached from the network, even where the administrator allows loopback there" {
	local proto address
	loopback_via_host ext 192.0.2.1
	localnet_on up0
	serve host tcp 127.0.0.1:7777 control
	assert_reach control ext tcp 127.0.0.1 7777 from=192.0.2.2 # the packets do arrive
	serve ctr tcp 80 web
	serve ctr udp 80 web
	publish web 127.0.0.1:8080:80 127.0.0.2:8080:80 127.0.0.1:8080:80/udp 127.0.0.2:8080:80/udp
	for proto in tcp udp; do
		for address in 127.0.0.1 127.0.0.2; do
			assert_reach web host "$proto" "$address" 8080
			assert_no_reach ext "$proto" "$address" 8080 from=192.0.2.2
		done
		assert_no_reach ext "$proto" 192.0.2.1 8080
		assert_no_reach ctr2 "$proto" 10.88.7.1 8080
	done
}

@test "a mapping on 127.x cannot be reached from another container" {
	loopback_via_host ctr2 10.88.7.1
	serve ctr tcp 80 web
	publish web 127.0.0.1:8080:80
	assert_reach web host tcp 127.0.0.1 8080
	assert_no_reach ctr2 tcp 127.0.0.1 8080 from=10.88.7.3
}

@test "a container cannot reach the host's own 127.0.0.1, although route_localnet is on" {
	loopback_via_host ctr 10.88.7.1
	loopback_via_host ctr2 10.88.7.1
	serve host tcp 127.0.0.1:7777 secret
	serve host udp 127.0.0.1:7777 secret
	serve ctr tcp 80 web
	publish web 8080:80
	assert "$(on host cat /proc/sys/net/ipv4/conf/br0/route_localnet)" = 1
	assert_reach web host tcp 127.0.0.1 8080
	assert_no_reach ctr tcp 127.0.0.1 7777 from=10.88.7.2
	assert_no_reach ctr2 tcp 127.0.0.1 7777 from=10.88.7.3
	assert_no_reach ctr2 udp 127.0.0.1 7777 from=10.88.7.3
	assert_no_reach ctr2 tcp 127.0.0.1 8080 from=10.88.7.3
	withdraw web
	assert_no_reach ctr2 tcp 127.0.0.1 7777 from=10.88.7.3
	localnet_on br0
	assert_reach secret ctr2 tcp 127.0.0.1 7777 from=10.88.7.3 # it was the guard
}

@test "no container can pose as 127.0.0.0/8, although route_localnet is on and rp_filter is off" {
	on host sh -c 'echo 0 | tee /proc/sys/net/ipv4/conf/all/rp_filter >/proc/sys/net/ipv4/conf/br0/rp_filter'
	on ctr2 sh -c 'echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet'
	on ctr2 ip address add 127.0.0.2/32 dev eth0
	on host iptables -A INPUT -i br0 -s 127.0.0.2
	publish web 8080:80
	assert "$(on host cat /proc/sys/net/ipv4/conf/br0/route_localnet)" = 1
	assert_no_reach ctr2 udp 10.88.7.1 7777 from=127.0.0.2
	assert "$(on host iptables -nvxL INPUT | awk '/127.0.0.2/ {print $1}')" -eq 0
	withdraw web
	localnet_on br0
	assert_no_reach ctr2 udp 10.88.7.1 7777 from=127.0.0.2
	assert "$(on host iptables -nvxL INPUT | awk '/127.0.0.2/ {print $1}')" -gt 0 'packets that come without the guard'
}
