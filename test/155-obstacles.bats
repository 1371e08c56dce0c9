#!/usr/bin/env bats
# What others have in nf_tables in the way of published ports: a packet proves that it is there, check and doctor tell of it
# and of nothing else, and the command that they print lets the packet through.
# shellcheck disable=SC2154 # run_natmap sets $output and $stderr

load helpers/natmap
load helpers/recovery
load helpers/syslog

setup() {
	net_up
	serve ctr tcp 80 web
	publish web 8080:80
}

# fence RULES [HOOK] [PRIORITY]: a chain of somebody else's at the hook (forward), with these rules
fence() {
	on host nft -f - <<-END
		table inet fence {
			set blocked { type ipv4_addr; flags interval; elements = { 203.0.113.0/24 }; }
			set anyone { type ipv4_addr; flags interval; elements = { 0.0.0.0/0 }; }
			set anyones { type ipv4_addr . inet_service; flags interval; elements = { 0.0.0.0/0 . 80 }; }
			set pairs { type ipv4_addr . inet_service; flags interval; elements = { 10.88.7.0/24 . 70-90 }; }
			chain rest { drop; }
			chain back { return; }
			chain gate { type filter hook ${2:-forward} priority ${3:-10}; policy accept; $1; }
		}
	END
}

# tells_nothing: the packet passes, and neither check nor doctor says anything
tells_nothing() {
	assert_reach "${want:-web}" ext tcp 192.0.2.1 8080 || return 1
	agrees || return 1
	run_natmap doctor || return 1
	assert "$(grep -v ' may publish nothing' <<<"$output")" = "" "what the doctor says" # of this machine's podman
}

# tells_drop: no packet passes, check and doctor tell of it, and the command, in $cure, lets it through
tells_drop() {
	local one
	refute reach ext tcp 192.0.2.1 8080 wait=0.15 || return 1
	differs dropping-chain || return 1
	run_natmap rc=1 doctor || return 1
	assert "$(grep -c '^chain .* drops \(packets to\|answers from\) .8080:80/tcp. of container .web.' <<<"$output")" -ge 1 || return 1
	cure=$(sed -n 's/^    run: //p' <<<"$output")
	while read -r one; do
		on host bash -c "$one" 3>&- || fail "failed: $one" || return 1
	done <<<"$cure"
	tells_nothing
}

# filter [INTERFACE=VALUE...]: rp_filter of the host, 0 where none is given; net_up's interfaces may begin with any
filter() {
	# shellcheck disable=SC2016 # for that shell
	on host sh -c 'cd /proc/sys/net/ipv4/conf && for s in *; do echo 0 >"$s/rp_filter"; done
		for s; do echo "${s#*=}" >"${s%=*}/rp_filter"; done' sh "$@"
}

# filtered TEXT NODE ADDRESS [from=ADDRESS]: no packet passes, check and doctor say so with TEXT, and the command lets it through
filtered() {
	refute reach "$2" tcp "$3" 8080 wait=0.15 "${@:4}" || return 1
	differs setting || return 1
	assert "$output" has "$1" || return 1
	run_natmap rc=1 doctor || return 1
	assert "$(grep -c '^[^ ]' <<<"$output")" -eq 1 findings || return 1
	assert "$output" has "$1" || return 1
	on host sh -c "$(sed -n 's/^    run: //p' <<<"$output")" >/dev/null || return 1
	assert_reach web "$2" tcp "$3" 8080 "${@:4}" || return 1
	tells_nothing
}

@test "chains of nft's that drop are told by the rule, wherever it stands, and their command is right" {
	local rules
	while read -r rules; do
		fence "$rules"
		tells_drop || fail "rules: $rules"
		on host nft delete table inet fence
	done <<-'END'
		jump rest
		goto rest
		ct state new drop
		ct state vmap { established : accept, related : accept, new : drop }
		ct state established,related accept; meta l4proto { tcp, udp } drop
		iifname != "lan0" drop
		iifname vmap { "up0" : jump rest, "lo" : accept }
		iifname . oifname { "up0" . "br0" } counter drop
		oifname "up0" reject
		ct direction reply drop
		tcp dport vmap { 22 : accept, 80 : drop }
		meta l4proto tcp ct original proto-dst 8080 drop
		ip daddr . tcp dport { 10.88.7.2 . 80 } drop
		ip daddr . tcp dport @pairs drop
		ip saddr @blocked accept; drop
		ip saddr @anyone drop
		meta mark set 7; meta mark & 5 == 5 drop
		ct mark 0 drop
		tcp flags & (syn | ack) == syn drop
		fib daddr type unicast drop
	END
	fence 'tcp dport 8080 drop' prerouting -150
	tells_drop
	on host nft delete table inet fence
	fence 'fib daddr type local jump rest' prerouting -310
	tells_drop
	on host nft delete table inet fence
	fence 'tcp dport 80 drop' postrouting 50
	tells_drop
}

@test "rules that let ordinary packets pass are no obstacle" {
	local rules
	while read -r rules; do
		fence "$rules"
		tells_nothing || fail "rules: $rules"
		on host nft delete table inet fence
	done <<-'END'
		jump back; tcp dport 81 drop
		ct state invalid drop
		ct state vmap { established : accept, related : accept, invalid : drop }
		ip saddr 203.0.113.0/24 drop
		ip saddr @blocked drop
		ip saddr vmap { 203.0.113.7 : drop }
		ip saddr @anyone accept; meta nfproto ipv4 drop
		ip saddr . tcp dport @anyones ct state new accept; ct state established accept; meta nfproto ipv4 drop
		iifname "lan0" drop
		iifname . oifname { "br1" . "br0" } drop
		ip daddr 10.88.7.3 drop
		ip daddr . tcp dport { 10.88.7.2 . 81, 10.88.7.3 . 80 } drop
		tcp dport vmap { 22 : drop }
		udp dport 80 drop
		icmp type echo-request drop
		meta mark 5 drop
		ct mark 5 drop
		ct state established,related accept; ct status dnat accept; drop
		tcp flags & (fin | syn | rst | ack) != syn ct state new drop
		limit rate over 1000/second drop
		fib saddr . iif oif missing drop
		meta pkttype broadcast drop
		meta l4proto tcp ct original proto-dst 8081 drop
	END
}

# bats test_tags=iptables
@test "rules of iptables before natmap's drop, and the command leads around them" {
	local rule
	while read -r rule; do
		# shellcheck disable=SC2086 # a rule is words
		on host iptables ${rule/-X/-I}
		tells_drop || fail "rule: $rule"
		# shellcheck disable=SC2086
		on host iptables ${rule/-X/-D}
		on host bash -c "${cure/ -I / -D }" 3>&-
	done <<-'END'
		-X FORWARD -p tcp -m multiport --dports 22,70:90 -j REJECT
		-X FORWARD -m conntrack --ctstate NEW -j DROP
		-X FORWARD -i up0 -m conntrack ! --ctstate RELATED,ESTABLISHED -j DROP
		-X FORWARD -m state --state NEW -m limit --limit 100/s -j DROP
		-X DOCKER-USER -i up0 -d 10.88.7.0/24 -p tcp -m tcp --dport 80 -m comment --comment closed -j DROP
		-X DOCKER-USER -m conntrack --ctorigdstport 8080 -j DROP
		-t mangle -X FORWARD -o br0 -p tcp --tcp-flags SYN,ACK SYN -j DROP
		-t raw -X PREROUTING -p tcp --dport 8080 -j DROP
		-t mangle -X PREROUTING -m addrtype --dst-type LOCAL -i up0 -j DROP
	END
}

@test "who else translates a port, and an ACCEPT before natmap's rules, is told with the one who gets the packets" {
	on host nft -f - <<-'END'
		table ip other {
			map ports { type inet_service : ipv4_addr . inet_service; elements = { 8080 comment "theirs" : 10.88.7.3 . 81 }; }
			chain pre {
				type nat hook prerouting priority -110; policy accept;
				fib daddr type local dnat ip addr . port to tcp dport map @ports
			}
		}
	END
	serve ctr2 tcp 81 other
	assert_reach other ext tcp 192.0.2.1 8080
	differs foreign-translation
	assert "$output" has "chain 'pre' of the nf_tables table 'ip other' translates packets to '8080:80/tcp' of container 'web' to 10.88.7.3, port 81 before natmap does"
	run_natmap rc=1 doctor
	assert "$output" has "chain 'pre' of the nf_tables table 'ip other' translates"
	on host nft flush map ip other ports
	on host nft add element ip other ports '{ 8081 : 10.88.7.3 . 81 }'
	tells_nothing
}

@test "a port of the only rule that iptables has is refused, before natmap's jump is there and after" {
	run_natmap flush --force
	on host iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 10.88.7.3:81
	publish rc=4 web 8080:80
	assert "$stderr" has "already translates packets to '8080:80/tcp' of container 'web' to 10.88.7.3, port 81, by "
	publish web 8081:80
	publish rc=4 web 8080:80,8081:80
	run_natmap flush --force
	on host iptables -t nat -F PREROUTING
	on host iptables -t mangle -A PREROUTING -p tcp --dport 8082 -j DROP
	syslog_start
	publish web 8082:80
	wait_for syslog_has "drops packets to '8082:80/tcp' of container 'web'"
}

@test "a port that others translate is refused, a warning, or nothing, by conflict_check, and what drops it is told at once" {
	syslog_start
	on host nft -f - <<-'END'
		table ip other {
			map ports { type inet_service : ipv4_addr . inet_service; elements = {
				8082 : 10.88.7.3 . 81, 8083 : 10.88.7.2 . 80, 9003 : 10.88.7.3 . 81 }; }
			chain pre {
				type nat hook prerouting priority -110; policy accept;
				fib daddr type local dnat ip addr . port to tcp dport map @ports
			}
		}
	END
	publish rc=4 shop 8081:80,8082:80
	assert "$stderr" has "chain 'pre' of the nf_tables table 'ip other' already translates packets to '8082:80/tcp' of container 'shop' to 10.88.7.3, port 81, by "
	publish rc=4 shop 9000-9005:9000-9005
	assert "$(live_ids)" = web
	publish shop 8081:80,8083:80,8082:80/udp
	config '{"conflict_check": "warn"}'
	publish other 8082:80
	wait_for syslog_has "translates packets to '8082:80/tcp' of container 'other'"
	config '{"conflict_check": "off"}'
	publish third 9003:80
	fence 'jump rest'
	publish fourth 9004:80
	config '{}'
	publish fifth 9005:80
	wait_for syslog_has "chain 'rest' of the nf_tables table 'inet fence' drops packets to '9005:80/tcp' of container 'fifth'"
	refute syslog_has "of container 'third'"
	refute syslog_has "of container 'fourth'"
}

# bats test_tags=iptables
@test "an ACCEPT in iptables' nat before natmap's rules is told, wherever it stands" {
	local chain
	for chain in PREROUTING OUTPUT; do
		on host iptables -t nat -N dispatch
		on host iptables -t nat -A dispatch -p tcp -j ACCEPT
		on host iptables -t nat -I "$chain" -m addrtype --dst-type LOCAL -j dispatch
		differs foreign-accept
		[[ $chain = OUTPUT ]] || publish late 8090:80
		run_natmap rc=1 doctor
		assert "$output" has "chain 'dispatch' of the nf_tables table 'ip nat' accepts packets to '8080:80/tcp' of container 'web'"
		on host iptables -t nat -D "$chain" 1
		on host iptables -t nat -F dispatch
		on host iptables -t nat -X dispatch
	done
	tells_nothing
	on host iptables -t nat -I PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 10.88.7.3:81
	differs foreign-translation
}

# bats test_tags=iptables
@test "of two that translate with one priority it is not sure who is first: doctor says so, and finds nothing" {
	on host nft -f - <<-'END'
		table ip other {
			chain pre {
				type nat hook prerouting priority -100; policy accept;
				fib daddr type local tcp dport 8080 dnat to 10.88.7.3:81
			}
		}
	END
	agrees
	run_natmap doctor
	assert "$output" = "chain 'pre' of the nf_tables table 'ip other' may translate packets to '8080:80/tcp' of container 'web' to 10.88.7.3, port 81 before natmap does, by the rule with handle 2"
}

# as netavark 2 does, but for the mark of its own packets
@test "networks that are isolated from each other are told by the rule that does it" {
	on host ip link add br1 type bridge
	on host ip addr add 10.99.7.1/24 dev br1
	on host ip link add shop0 type veth peer name eth1 netns "$NM_NS-ctr2"
	on host ip link set shop0 master br1 up
	on host ip link set br1 up
	on ctr2 ip addr add 10.99.7.2/24 dev eth1
	on ctr2 ip link set eth1 up
	on ctr2 ip route add 192.0.2.1 via 10.99.7.1
	publish shop 9090:90 pid="$(ctr_start shop ctr2)" address=10.99.7.2
	assert_reach web ctr2 tcp 192.0.2.1 8080 from=10.99.7.2
	tells_nothing
	on host nft -f - <<-'END'
		table inet netavark {
			chain isolated_to { oifname { "br0", "br1" } drop; }
			chain isolated { iifname "br0" oifname != "br0" jump isolated_to; iifname "br1" oifname != "br1" jump isolated_to; }
			chain FORWARD {
				type filter hook forward priority 0; policy accept
				ct state invalid drop
				ct mark & 0x1000 == 0x1000 accept
				jump isolated
			}
		}
	END
	assert_reach web ext tcp 192.0.2.1 8080
	assert_no_reach ctr2 tcp 192.0.2.1 8080 from=10.99.7.2
	differs dropping-chain
	assert "$output" has "drops packets to '9090:90/tcp' of container 'shop' from container 'web'"
	run_natmap rc=1 doctor
	assert "$output" has "chain 'isolated_to' of the nf_tables table 'inet netavark' drops packets to"
	on host nft insert rule inet netavark FORWARD ct status dnat accept
	assert "$output" has "run: nft insert rule inet netavark FORWARD ct status dnat accept"
	assert_reach web ctr2 tcp 192.0.2.1 8080 from=10.99.7.2
	tells_nothing
}

@test "rules of natmap's that are gone, all or one, are told, and a reload brings them back" {
	local damage
	while read -r damage; do
		on host bash -c "$damage" 3>&-
		run_natmap rc=1 doctor
		assert "$output" =~ "of natmap's rules (is|are) not as (it|they) should be: "
		assert "$(grep -c '^[^ ]' <<<"$output")" -eq 1 findings
		assert "$output" has "run: natmap"
		run_natmap reload
		tells_nothing
	done <<-END
		nft flush ruleset
		$(in_nftables && echo "nft flush map ip natmap ports" || echo "iptables -t nat -F NATMAP")
		$(in_nftables && echo "nft flush chain ip natmap forward" || echo "iptables -P FORWARD DROP && iptables -F")
	END
}

@test "a filter of source addresses is told where it drops packets of published ports, and nowhere else" {
	local one uplink
	filter all=1
	tells_nothing
	# the container answers by a second network
	on host sh -ec 'ip link add br1.5 type bridge; ip addr add 10.99.7.1/24 dev br1.5; ip link set br1.5 up
		ip link add vtwo type veth peer name eth1; ip link set vtwo master br1.5 up; ip link set eth1 netns '"$(ctr_pid web)"
	on ctr sh -ec 'ip addr add 10.99.7.2/24 dev eth1; ip link set eth1 up; ip route replace default via 10.99.7.1'
	for one in all br1.5; do
		filter "$one=1"
		filtered "rp_filter is 1 on 'br1.5', by which container 'web' answers" ext 192.0.2.1
	done
	filter br0=1 up0=1
	tells_nothing
	filter all=2 br1.5=1
	tells_nothing
	on ctr ip route replace default via 10.88.7.1
	filter all=1
	tells_nothing
	# clients come by a second uplink, too: of a worse metric, or of a table of its own
	on host sh -ec 'ip link add up1 type veth peer name eth1; ip addr add 198.18.7.1/24 dev up1; ip link set up1 up
		ip route add default via 192.0.2.2; ip link set eth1 netns '"$NM_NS-ext"
	# shellcheck disable=SC2016 # for that shell
	on ext sh -ec 'cd /proc/sys/net/ipv4/conf; for s in *; do echo 0 >"$s/rp_filter"; done
		ip addr add 198.18.7.2/24 dev eth1; ip addr add 198.18.9.9/32 dev lo; ip link set eth1 up'
	tells_nothing
	while read -r uplink; do
		on host sh -ec "$uplink"
		for one in all up1; do
			filter "$one=1"
			filtered "rp_filter is 1 on 'up1', and the way back to clients beyond its router" ext 198.18.7.1 from=198.18.9.9
			filter up0=1 br0=1
			tells_nothing
		done
		on host sh -c 'ip route flush table 7; ip route del default dev up1' 2>/dev/null || :
	done <<-'END'
		ip route add default via 198.18.7.2 metric 600
		ip route add default via 198.18.7.2 table 7; ip rule add from 198.18.7.1 table 7
	END
	# the containers' own packets leave by the second uplink, so what comes in by the first is refused
	filter up0=1
	on host sh -ec 'ip route add default via 198.18.7.2 table 7; ip rule add from 10.88.7.0/24 table 7; ip route add 192.0.2.0/24 dev up0 table 7'
	filtered "rp_filter is 1 on 'up0'" ext 192.0.2.1 from=198.18.9.9
}

@test "ports of SCTP are judged by their own match of iptables" {
	publish sctp 5060:5061/sctp,192.0.2.1:6000-6001:7000-7001/sctp
	run_natmap doctor
	assert "$output" = ""
	run_natmap check
	on host iptables -A FORWARD -p sctp --dport 5062 -j DROP
	run_natmap reload
	on host iptables -I FORWARD -p sctp --dport 5061 -j DROP
	run_natmap rc=1 doctor
	assert "$output" has "drops packets to '5060:5061/sctp' of container 'sctp'"
	assert "$output" lacks 6000-6001
}
