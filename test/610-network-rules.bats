#!/usr/bin/env bats
# What a bridge that natmap has made lets through, and what not.
# shellcheck disable=SC2154 # $output comes from run_natmap

load helpers/natmap
load helpers/network
load helpers/recovery

setup() {
	net_up
	network
}

# policy DROP|ACCEPT: of the chains FORWARD. natmap's own tables need a way through one that drops.
policy() {
	on host iptables -P FORWARD "$1" && on host ip6tables -P FORWARD "$1" && run_natmap reload
}

# web_up: the container web, with a published port, and with ports that are not; and what it finds outside
web_up() {
	box web
	publish web 8080:80 network=bridge
	serve web tcp 80 web && serve web tcp 81 private && serve web udp 82 private
	serve ext tcp 7000 'out %p' && serve ext udp 7000 'out %p'
	web4=$(address_of web 4) web6=$(address_of web 6)
}

# published NODE...: web's port answers there as every published one
published() {
	local node host
	for node; do
		for host in 192.0.2.1 fd00:99::1; do
			assert_reach web "$node" tcp "$host" 8080 || return 1
		done
	done
	assert_reach web host tcp 127.0.0.1 8080
}

# closed NODE: no unpublished port of web is reached from there, nor the published one without its translation
closed() {
	local address port
	for address in "$web4" "$web6"; do
		for port in 80 81; do
			assert_no_reach "$1" tcp "$address" "$port" || return 1
		done
		assert_no_reach "$1" udp "$address" 82 || return 1
	done
}

# outbound NODE: what the container begins comes out with the host's address, and its answers come back
outbound() {
	assert_reach 'out 192.0.2.1' "$1" tcp 192.0.2.2 7000 || return 1
	assert_reach 'out fd00:99::1' "$1" tcp fd00:99::2 7000 || return 1
	assert_reach 'out 192.0.2.1' "$1" udp 192.0.2.2 7000 || return 1
	assert_reach 'out fd00:99::1' "$1" udp fd00:99::2 7000
}

# rest: the host's rules that are not natmap's
rest() {
	rules host | grep '^-A' | grep -vE 'natmap|NATMAP|DOCKER-USER'
	on host nft --stateless list table inet mine
}

# all_goes ID...: containers that were the last: nothing of their bridge is left
all_goes() {
	end_box "$@"
	assert "$(tags host)" !~ '@(network|nftables)/'
}

@test "what a container begins passes, what is published, and nothing else, whatever FORWARD's policy is" {
	local policy
	web_up
	box other
	publish other network=bridge
	serve other tcp 90 neighbour
	serve ctr tcp 91 'bridge %p'
	for policy in ACCEPT DROP; do
		policy $policy
		outbound web && outbound other || return 1
		published ext host web other || return 1
		assert_reach neighbour web tcp "$(address_of other 4)" 90 || return 1
		assert_reach neighbour web tcp "$(address_of other 6)" 90 || return 1
		closed ext || return 1
		# another bridge of the host
		closed ctr || return 1
		assert_reach 'bridge 10.88.7.1' web tcp 10.88.7.2 91 || return 1
		published ctr || return 1
		run_natmap doctor
		agrees
	done
	# an ACCEPT of another publisher, before all that natmap has in FORWARD
	on host iptables -I FORWARD -s 10.88.7.0/24 -j ACCEPT
	on host ip6tables -I FORWARD -s fd00:7::/64 -j ACCEPT
	published ctr && closed ctr
	all_goes web other
}

@test "a second bridge of natmap's is as closed to the first as the first to it, whichever came first" {
	local address
	network '"bridge": "first", "subnets": ["10.85.0.0/24", "fd00:85::/64"]'
	box other
	publish other 8081:90 network=bridge
	serve other tcp 90 other
	network
	web_up
	outbound web && outbound other && published ext host web other
	assert_reach other web tcp 192.0.2.1 8081
	closed other
	for address in "$(address_of other 4)" "$(address_of other 6)"; do
		assert_no_reach web tcp "$address" 90
	done
	agrees
	end_box other
	assert_no_rule host natmap:@network/first
	outbound web && closed ext && agrees
	all_goes web
}

@test "errors about what a container has sent come to it: a closed port, a smaller MTU" {
	local family=4 far before
	web_up
	policy DROP
	ip_batch ext ipv4/ip_forward=1 ipv6/conf/all/forwarding=1 <<-END
		link add far mtu 1290 type veth peer name beyond
		link set beyond up
		link set far up
		addr add 198.51.100.1/24 dev far
		addr add fd00:51::1/64 dev far nodad
	END
	ip_batch host <<-END
		route add 198.51.100.0/24 via 192.0.2.2
		route add fd00:51::/64 via fd00:99::2
	END
	for far in 198.51.100.2 fd00:51::2; do
		wait_for mtu_is_known $family $far || return 1
		family=6
	done
	# a refusal comes at once, silence would end after 20 s
	before=$SECONDS
	refute reach web udp 192.0.2.2 7001 wait=20
	refute reach web udp fd00:99::2 7001 wait=20
	assert $((SECONDS - before)) -lt 20
}

# mtu_is_known FAMILY ADDRESS: web has learnt that 1290 bytes go there, and no more
mtu_is_known() {
	head -c 1350 /dev/zero | on web socat -u -b 2000 - "UDP$1-SENDTO:$([[ $1 = 4 ]] && echo "$2" || echo "[$2]"):9" || :
	[[ "$(on web ip "-$1" route get "$2")" == *"mtu 1290"* ]]
}

@test "isolated containers reach each other through published ports alone" {
	local address
	network '"isolate": true'
	web_up
	box other
	publish other 8081:90 network=bridge
	serve other tcp 90 neighbour
	for address in "$(address_of other 4)" "$(address_of other 6)"; do
		assert_no_reach web tcp "$address" 90
	done
	# by the host, where the bridge itself keeps them apart
	on web ip route add "$(address_of other 4)" via 10.86.0.1
	setting ipv4/conf/natmap0/send_redirects 0
	assert_no_reach web tcp "$(address_of other 4)" 90
	published ext host
	outbound web && outbound other && closed ext && agrees
	# br_netfilter translates in the bridge, whose ports do not send to each other, nor back to where it came from
	on host sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0
	published web other
	assert_reach neighbour web tcp 192.0.2.1 8081
	all_goes web other
}

@test "an allow list counts for the containers of the bridge, too" {
	web_up
	box other
	publish other 8081:90 network=bridge allow=192.0.2.2
	serve other tcp 90 neighbour
	assert_reach neighbour ext tcp 192.0.2.1 8081
	assert_no_reach web tcp 192.0.2.1 8081
	assert_no_reach ext tcp 192.0.2.1 8081 from=192.0.2.9
}

@test "of what the container's source becomes, static rules and those of others decide first, unless these end nat" {
	local chain
	web_up
	on host iptables -t nat -I POSTROUTING -s 10.86.0.0/24 -o up0 -j SNAT --to-source 192.0.2.3
	run_natmap reload
	assert_reach 'out 192.0.2.3' web tcp 192.0.2.2 7000
	in_nftables || assert "$(on host iptables -t nat -S POSTROUTING | tail -n 1)" has natmap:@network/natmap0
	on host iptables -t nat -D POSTROUTING -s 10.86.0.0/24 -o up0 -j SNAT --to-source 192.0.2.3
	outbound web
	network "" '"static": {"snat": [{"name": "out", "internal_address": "10.86.0.0/24", "external_address": "192.0.2.3"}]}'
	run_natmap reload
	assert_reach 'out 192.0.2.3' web tcp 192.0.2.2 7000
	agrees
	network
	run_natmap reload
	# as firewalld with its backend iptables since 2.5
	for chain in PREROUTING POSTROUTING; do
		on host iptables -t nat -N END_$chain
		on host iptables -t nat -A END_$chain -j ACCEPT
		on host iptables -t nat -I $chain -j END_$chain
	done
	run_natmap reload
	outbound web && published ext host && agrees
	end_box web
	box web
	publish web 8080:80 network=bridge
	outbound web && agrees
	network "" '"static": {"snat": [{"name": "out", "internal_address": "10.86.0.0/24", "external_address": "192.0.2.3"}]}'
	run_natmap reload
	assert_reach 'out 192.0.2.3' web tcp 192.0.2.2 7000
	agrees
}

@test "rules come with the bridge's first container and go with its last, and those of others stay" {
	local before
	on host iptables -t nat -A POSTROUTING -s 10.86.0.0/24 -d 10.99.0.0/16 -j ACCEPT
	on host iptables -t mangle -A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
	on host iptables -A FORWARD -i br9 -j DROP
	on host nft add table inet mine
	on host nft add chain inet mine forward '{ type filter hook forward priority 5; }'
	on host nft add rule inet mine forward ct state new counter
	before=$(rest)
	publish plain 8079:79
	assert "$(tags host)" lacks @network/
	box one two
	publish one 8080:80 network=bridge
	assert_rule host natmap:@network/natmap0
	agrees
	publish two network=bridge
	same "foreign rules" "$before" "$(rest)"
	agrees
	end_box one
	assert_rule host natmap:@network/natmap0
	agrees
	unbox two
	run_natmap gc
	assert "$(tags host)" !~ '@(network|nftables)/'
	assert_rule host natmap:plain:
	same "foreign rules" "$before" "$(rest)"
	agrees
	run_natmap flush --force
	assert "$(on host nft list ruleset 2>/dev/null)" lacks natmap
	same "foreign rules" "$before" "$(rest)"
}

@test "each of the rules is missed, and comes back, also after nft flush ruleset; flush takes them" {
	local family tag=natmap:@network/natmap0 set pair='natmap0 . natmap0'
	network '"isolate": true'
	web_up
	policy DROP
	if in_nftables; then
		for family in ip ip6; do
			for set in 'networks { natmap0 }' 'outbound { natmap0 }' "neighbours { $pair }" "isolated { $pair }"; do
				on host nft delete element $family natmap "$set" || return 1
				mends missing-rule || return 1
			done
		done
		on host nft delete element ip natmap subnets '{ 10.86.0.0 }'
		on host iptables -D DOCKER-USER 2
		mends missing-rule
		on host nft add element ip natmap networks '{ br7 comment "natmap:@network/br7" }'
		mends stale-rule
	else
		for family in iptables ip6tables; do
			on host $family-save | sed -n "s/^\*//p; /$tag\"/s/^-A/-D/p" | while read -r line; do
				[[ "$line" == -D* ]] || { echo "$line" >"$NM_TMP/table" && continue; }
				# shellcheck disable=SC2046 # words
				on host $family -t "$(<"$NM_TMP/table")" $(tr -d '"' <<<"$line") && mends missing-rule || return 1
			done || return 1
		done
		on host iptables -I NATMAP 5 -o br7 -m comment --comment natmap:@network/br7 -j ACCEPT
		mends stale-rule
	fi
	on host nft flush ruleset
	policy DROP
	agrees
	outbound web && published ext host && closed ext
	# the next container on the bridge brings them back, too
	on host nft flush ruleset
	box other
	publish other network=bridge
	outbound web && outbound other && closed ext
	run_natmap rc=any check
	assert "$output" lacks "$tag"
	unbox other
	unbox web
	run_natmap flush
	assert "$(on host nft list ruleset 2>/dev/null)" lacks natmap
}

@test "plan prints the rules of a bridge, too, and real tools take them" {
	network '"isolate": true'
	box web
	state web "$(ctr_pid web)" creating io.natmap.network=bridge io.natmap.ports=8080:80 >"$NM_TMP/oci"
	run_natmap plan <"$NM_TMP/oci"
	printf '%s\n' "$output" >"$NM_TMP/plan"
	publish web 8080:80 network=bridge
	on host nft flush ruleset
	differs "${NM_JUMP[@]}" missing-rule
	if in_nftables; then
		on host nft -f "$NM_TMP/plan"
	else
		on host iptables-restore --noflush <"$NM_TMP/plan"
		on host ip6tables-restore --noflush <"$NM_TMP/plan"
	fi
	agrees
}

@test "where the host does not forward, what a container begins passes all the same, and nothing else" {
	setting ipv4/ip_forward 0
	web_up
	assert_rule host natmap:@forward/up0
	assert_reach 'out 192.0.2.1' web tcp 192.0.2.2 7000
	assert_reach web ext tcp 192.0.2.1 8080
	closed ext
	agrees
	on host sysctl -qw net.ipv4.ip_forward=1
	run_natmap reload
	assert_no_rule host natmap:@forward
	outbound web && published ext host web && closed ext
	all_goes web
}

@test "each backend has rules of its own for a bridge on which there are containers of both" {
	local backend=iptables other=nftables
	! in_nftables || backend=nftables other=iptables
	web_up
	network "" "\"backend\": \"$other\""
	box two
	publish two 8081:80 network=bridge
	serve two tcp 80 two
	outbound web && outbound two && published ext host web two && closed ext
	assert_reach two ext tcp 192.0.2.1 8081
	end_box two
	outbound web && published ext host && closed ext
	publish rc=0 web 8080:80 network=bridge
	outbound web && published ext host && closed ext
	network "" "\"backend\": \"$backend\""
	run_natmap reload
	agrees
	outbound web && published ext host && closed ext
	all_goes web
}

@test "what drops what a container begins, or the answers, is told with a command that lets both through" {
	local command rule
	on host ip route add default via 192.0.2.2
	web_up
	for rule in 'iptables -I FORWARD -i natmap0 -j DROP' 'iptables -I DOCKER-USER -o natmap0 -j DROP' \
		'iptables -t mangle -I FORWARD 1 -i natmap0 -p tcp -j DROP' \
		'nft add rule inet mine forward iifname natmap0 drop' 'nft add rule inet mine forward oifname natmap0 drop'; do
		on host nft add table inet mine
		on host nft add chain inet mine forward '{ type filter hook forward priority 5; }'
		! in_nftables || policy DROP # makes DOCKER-USER
		# shellcheck disable=SC2086 # words
		on host $rule
		assert_no_reach web tcp 192.0.2.2 7000
		run_natmap rc=3 check
		run_natmap rc=1 doctor
		command=$(sed -n 's/^ *run: //p' <<<"$output")
		assert "$command" != "" || return 1
		on host sh -ec "$command"
		assert_reach 'out 192.0.2.1' web tcp 192.0.2.2 7000 || return 1
		run_natmap doctor
		closed ext || return 1
		on host nft flush ruleset
		run_natmap reload
	done
}
