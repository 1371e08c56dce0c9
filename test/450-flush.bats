#!/usr/bin/env bats
# flush: the host is as it was before natmap, and what belongs to others stays.
# shellcheck disable=SC2034,SC2154 # NM_WRAP is for run_natmap, and $stderr and $output come from it

load helpers/natmap
load helpers/lacking
load helpers/recovery

setup() {
	net_up
	setting ipv4/ip_forward 0 # natmap will switch it on
}

localnet=ipv4/conf/br0/route_localnet

# work: all that natmap does on a host: a container with its settings, a guard, a static rule; the container ends
work() {
	config "$NM_STATIC"
	publish web 8080:80,127.0.0.2:81:81 allow=192.0.2.0/24 || return 1
	publish other '[::]:8081:80/udp' '192.0.2.1:8082:80' || return 1
	run_natmap reload || return 1
	assert "$(setting $localnet) $(hairpin_of vctr)" = '1 on' || return 1
	ctr_stop web && ctr_stop other
}

# before: what is compared; forwarding stays on
before() {
	snapshot host | grep -vE '^ipv4/ip_forward|^ipv6/.*forwarding'
}

# needs_docker_user: natmap will need that chain; in nftables that takes a FORWARD chain that drops
needs_docker_user() {
	! in_nftables || on host iptables -P FORWARD DROP
}

# no_chain TABLE CHAIN: it is in neither family
no_chain() {
	refute on host nft list chain ip "$1" "$2" && refute on host nft list chain ip6 "$1" "$2"
}

@test "a flush leaves the host as before natmap's first work" {
	local before
	before=$(before)
	assert "$(ruleset host)" = ""
	work
	run_natmap flush
	assert "$output" = ""
	same "the host" "$before" "$(before)"
	assert "$(on host nft list tables)" = ""
	assert "$(live)" = ""
	run_natmap flush
	same "the host" "$before" "$(before)"
	config '{}'
	agrees
	publish web 8080:80
	withdraw web
	assert_clean
}

@test "a flush with too few descriptors fails, and is repeated, or leaves the host as before" {
	local before limit done=0
	before=$(before)
	for limit in {4..10}; do
		work
		NM_WRAP=(prlimit "--nofile=$limit")
		run_natmap rc=any flush
		assert "$status" -le 1 "exit status with $limit descriptors"
		NM_WRAP=()
		done=$((done + (status == 0)))
		[[ $status = 0 ]] || run_natmap flush
		same "the host, with $limit descriptors" "$before" "$(before)"
	done
	assert "$done" -gt 0
	assert "$done" -lt 7
}

@test "forwarding that natmap switched on for all interfaces stays on, and is told; other is not" {
	config '{"ip_forward": {"ipv4": "set", "ipv6": "set"}}'
	publish web 8080:80
	ctr_stop web
	run_natmap flush
	assert "$output" = 'forwarding stays on: net.ipv4.ip_forward = 1' "where IPv6 was on before"
	run_natmap flush
	assert "$output" = "" "once it is told"
	setting ipv6/conf/all/forwarding 0
	publish web 8080:80
	withdraw web
	setting ipv4/ip_forward 0
	config "{\"ip_forward\": {\"ipv4\": \"set\"}, ${NM_STATIC#\{}"
	run_natmap reload
	run_natmap flush
	assert "$output" = $'forwarding stays on: net.ipv4.ip_forward = 1\nforwarding stays on: net.ipv6.conf.all.forwarding = 1' \
		"by a hook and by a reload"
	setting ipv6/conf/all/forwarding 0
	publish web 8080:80
	ctr_stop web
	setting ipv4/ip_forward 0
	run_natmap flush
	assert "$output" = "" "what somebody has switched off again"
}

@test "a flush on a host without the settings of forwarding succeeds" {
	publish web 8080:80
	ctr_stop web
	lacking_settings ipv4
	run_natmap flush
	NM_WRAP=()
	agrees
}

@test "tables, chains, policies and DOCKER-USER that were there before stay" {
	local before program
	for program in iptables ip6tables; do
		on host "$program" -P INPUT DROP
		on host "$program" -P FORWARD DROP
		on host "$program" -N DOCKER-USER
		on host "$program" -A FORWARD -j DOCKER-USER
		[[ $program = iptables ]] || on host "$program" -A DOCKER-USER -j RETURN
		on host "$program" -t nat -A POSTROUTING -p tcp --dport 9 -m comment --comment my-natmap:web:8080 -j MASQUERADE
		on host "$program" -t nat -P PREROUTING ACCEPT
		on host "$program" -t raw -P PREROUTING ACCEPT
		on host "$program" -N MINE
	done
	before=$(before)
	work
	run_natmap flush
	same "the host" "$before" "$(before)"
}

@test "DOCKER-USER stays when Docker has other chains there" {
	needs_docker_user
	work
	on host iptables -N DOCKER
	run_natmap flush
	assert "$(on host iptables -S FORWARD)" =~ ^$'-P FORWARD [A-Z]*\n-A FORWARD -j DOCKER-USER'$
	assert "$(chain_of filter DOCKER-USER)" = ""
	no_chain nat NATMAP
	refute on host nft list chain ip6 filter DOCKER-USER
}

@test "DOCKER-USER stays with the rules that others have in it" {
	needs_docker_user
	work
	on host iptables -I DOCKER-USER -s 192.0.2.9 -j DROP
	run_natmap flush
	assert "$(chain_of filter FORWARD)" = '-j DOCKER-USER'
	assert "$(chain_of filter DOCKER-USER)" = '-s 192.0.2.9/32 -j DROP'
	no_chain filter NATMAP
}

@test "a chain that natmap made and the administrator gave a policy or a rule stays, the others go" {
	work
	on host iptables -P FORWARD DROP
	on host iptables -t nat -A POSTROUTING -s 10.9.0.0/16 -j MASQUERADE
	run_natmap flush
	assert "$(on host iptables -S)" = $'-P INPUT ACCEPT\n-P FORWARD DROP\n-P OUTPUT ACCEPT'
	assert "$(chain_of nat POSTROUTING)" = '-s 10.9.0.0/16 -j MASQUERADE'
	no_chain nat NATMAP
	no_chain nat PREROUTING
	refute on host nft list table ip raw
	refute on host nft list table ip6 filter
}

# bats test_tags=iptables
@test "NATMAP stays with a rule of somebody else's in it, or with a chain that leads to it, and that is told" {
	work
	on host iptables -t nat -A NATMAP -p tcp --dport 7 -j RETURN
	on host ip6tables -N MINE
	on host ip6tables -A MINE -s fd00:9::/64 -j NATMAP
	run_natmap flush
	assert "$output" has 'chain NATMAP stays: others use it; see iptables -t nat -S'
	assert "$output" has 'chain NATMAP stays: others use it; see ip6tables -t filter -S'
	assert "$(grep -c stays: <<<"$output")" -eq 2
	assert "$(chain_of nat NATMAP)" = '-p tcp -m tcp --dport 7 -j RETURN'
	assert "$(on host ip6tables -S MINE)" = $'-N MINE\n-A MINE -s fd00:9::/64 -j NATMAP'
	assert_no_rule host natmap:
	on host iptables -t nat -F NATMAP
	on host ip6tables -F MINE
	on host ip6tables -X MINE
	run_natmap flush
	assert "$(on host nft list tables)" = ""
}

@test "live containers are in the way, unless forced; static rules are not" {
	local before
	config "$NM_STATIC"
	publish web 8080:80
	run_natmap reload
	before=$(snapshot host)
	run_natmap rc=1 flush
	assert "$stderr" = "natmap: 1 container is published, among them 'web': flush --force withdraws what there is"
	same "the host" "$before" "$(snapshot host)"
	assert "$(live)" = web
	run_natmap flush --force
	assert "$(on host nft list tables)$(live)" = ""
	assert "$(setting $localnet) $(hairpin_of vctr)" = '0 off'
	withdraw web
	assert_clean
}

@test "open connections of what is flushed end, those of others stay" {
	serve ctr udp 53 dns
	publish web 5353:53/udp
	assert_reach dns ext udp 192.0.2.1 5353
	assert "$(flows host -p udp --orig-port-dst 5353)" has 10.88.7.2
	run_natmap flush --force
	assert "$(flows host -p udp --orig-port-dst 5353)" = ""
	assert_no_reach ext udp 192.0.2.1 5353
}

@test "without a state, rules of containers are in the way again and again, unless forced" {
	work
	rm -r "$(state_dir)"
	run_natmap rc=1 flush
	assert "$stderr" has 'state file is missing'
	run_natmap rc=1 flush
	run_natmap flush --force
	assert "$(on host nft list tables)" = ""
}

@test "a host where natmap never was stays as it is" {
	local before
	on host iptables -t nat -A POSTROUTING -s 10.9.0.0/16 -j MASQUERADE
	setting ipv6/conf/all/forwarding 0
	before=$(snapshot host)
	run_natmap flush
	assert "$output" = ""
	same "the host" "$before" "$(snapshot host)"
	run_natmap reload
	run_natmap gc
	run_natmap reload --force
	same "the host" "$before" "$(snapshot host)"
	run_natmap check
	publish web 8080:80
	withdraw web
	run_natmap flush
	run_natmap reload
	same "rules" "$(sed '/ipv[46]/d' <<<"$before")" "$(snapshot host | sed '/ipv[46]/d')"
}

@test "route_localnet and hairpin mode that were on before natmap stay on" {
	setting $localnet 1
	on host bridge link set dev vctr hairpin on
	publish web 8080:80
	ctr_stop web
	run_natmap flush
	assert "$(setting $localnet) $(hairpin_of vctr)" = '1 on'
}

@test "route_localnet that cannot be switched off keeps its guard, and everything else" {
	local before
	publish web 8080:80
	ctr_stop web
	before=$(snapshot host)
	read_only_settings
	run_natmap rc=1 flush
	assert "$stderr" has route_localnet
	same "the host" "$before" "$(snapshot host)"
	assert "$(live)" = web
	NM_WRAP=()
	run_natmap flush
	assert "$(setting $localnet)" = 0
	assert "$(on host nft list tables)" = ""
}

@test "route_localnet is off before its guard goes" {
	local trace=$NM_TMP/trace off gone
	strace -o /dev/null true || skip "strace does not work here"
	publish web 8080:80
	ctr_stop web
	NM_WRAP=(strace -o "$trace" -e 'trace=openat,write,sendto' -s 300)
	run_natmap flush
	off=$(grep -n 'route_localnet.*O_RDWR' "$trace" | head -n 1 | cut -d: -f1)
	gone=$(grep -n 'NFNL_MSG_BATCH_BEGIN\|sendto.*DELRULE' "$trace" | head -n 1 | cut -d: -f1)
	assert "${off:-no}" =~ '^[0-9]+$' "where route_localnet is switched off"
	assert "${gone:-no}" =~ '^[0-9]+$' "where the rules go"
	assert "$off" -lt "$gone"
}
