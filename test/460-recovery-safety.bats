#!/usr/bin/env bats
# What reload must not do: fail on a host where nothing is published, or take ports away that it knows nothing about.
# shellcheck disable=SC2034,SC2154 # NM_WRAP is for run_natmap, and $stderr comes from it

load helpers/natmap
load helpers/recovery

@test "a reload sets up the chains on a host where nothing is published, for a static rule" {
	local jump='-A PREROUTING -m addrtype --dst-type LOCAL -j NATMAP'
	! in_nftables || jump='fib daddr type local jump translate'
	run_natmap reload
	assert_no_rule host "$jump"
	config '{"static": {"dnat": [{"name": "mail", "internal_address": "10.88.7.2", "ports": "25"}]}}'
	run_natmap reload
	assert_rule host "$jump"
	run_natmap check
}

@test "check finds nothing where nothing is published any more, and in a family in which nothing is" {
	publish web 8080:80
	withdraw web
	run_natmap check
	publish web 0.0.0.0:8080:80
	run_natmap check
	run_natmap reload
	run_natmap check
}

@test "a reload that is refused for a missing state is refused again" {
	publish web 8080:80
	rm "$(state_dir)/state"
	run_natmap rc=1 reload
	run_natmap rc=1 reload
	run_natmap rc=1 flush
	assert_rule host natmap:web:8080
	run_natmap reload --force
	assert_no_rule host natmap:web:8080
}

# handles CHAIN TABLE: the rules of a chain with their handles
handles() {
	on host nft -a --stateless list chain ip "$2" "$1" 2>/dev/null
}

# bats test_tags=iptables
@test "rules of natmap's own before them do not move rules that are right" {
	local nat raw
	ctr_start other ctr2
	publish web 8080:80
	publish other 127.0.0.1:8081:80
	nat=$(handles POSTROUTING nat)
	raw=$(handles PREROUTING raw)
	publish web 8080:80
	same "POSTROUTING" "$nat" "$(handles POSTROUTING nat)"
	same "raw PREROUTING" "$raw" "$(handles PREROUTING raw)"
}

@test "list counts a static SNAT while a container's MASQUERADE stands before it" {
	config '{"static":{"snat":[{"name":"out","internal_address":"10.88.7.0/24","external_address":"192.0.2.3"}]}}'
	serve ext tcp 80 ext
	publish web 8080:80
	run_natmap reload
	assert_reach ext ctr tcp 192.0.2.2 80
	run_natmap list --json
	assert "$(packets_after '"static":[')" -ge 1
}

# bats test_tags=iptables
@test "the jump of DOCKER-USER stands before all of several bare RETURNs" {
	publish web 8080:80
	on host iptables -A DOCKER-USER -s 192.0.2.9 -j DROP
	on host iptables -A DOCKER-USER -j RETURN
	on host iptables -A DOCKER-USER -j RETURN
	run_natmap reload
	assert "$(on host iptables -S DOCKER-USER | sed -n 2,3p)" = '-A DOCKER-USER -s 192.0.2.9/32 -j DROP
-A DOCKER-USER -j NATMAP'
	run_natmap check
}

# guarded: how many rules or elements guard 127.0.0.0/8 on the bridge, and its route_localnet
guarded() {
	rules host | grep -c 'natmap:@localnet/br0' || :
	on host cat /proc/sys/net/ipv4/conf/br0/route_localnet
}

# is_guarded WHEN: iptables' chains have two rules for it, by source and by destination
is_guarded() {
	local guards=2
	! in_nftables || guards=1
	assert "$(guarded | xargs)" = "$guards 1" "$1"
}

@test "the guard of an interface stays as long as its route_localnet cannot be switched off, and goes with it" {
	publish web 8080:80
	ctr_stop web
	read_only_settings
	run_natmap reload
	is_guarded "after the reload"
	assert_no_rule host natmap:web
	run_natmap reload
	is_guarded "after another reload, when nobody is recorded any more"
	run_natmap rc=1 flush
	assert "$stderr" has route_localnet
	is_guarded "after the flush that failed"
	NM_WRAP=()
	run_natmap reload
	assert "$(guarded | xargs)" = '0 0' "once it can be switched off"
	publish web 8080:80
	run_natmap reload
	read_only_settings
	withdraw web
	is_guarded "after the withdraw"
	NM_WRAP=()
	run_natmap reload
	assert "$(guarded | xargs)" = '0 0' "once it can be switched off after a withdraw"
}

@test "a lost state does not leave route_localnet without its guard" {
	publish web 8080:80
	rm "$(state_dir)/state"
	run_natmap reload --force
	assert "$(guarded | xargs)" = '0 0' "after the reload"
	publish web 8080:80
	rm "$(state_dir)/state"
	run_natmap flush --force
	assert "$(guarded | xargs)" = '0 0' "after the flush"
	publish web 8080:80
	rm "$(state_dir)/state"
	publish web 8080:80
	withdraw web
	assert "$(guarded | xargs)" = '0 0' "after a publish and a withdraw"
	publish web 8080:80
	read_only_settings
	withdraw web
	is_guarded "after a withdraw that could not switch it off"
	NM_WRAP=()
	publish web 8080:80
	withdraw web
	assert "$(guarded | xargs)" = '0 0' "after another publish and withdraw"
}

@test "route_localnet that was on before natmap stays on" {
	on host sh -c 'echo 1 >/proc/sys/net/ipv4/conf/br0/route_localnet'
	publish web 8080:80
	ctr_stop web
	run_natmap reload
	assert "$(guarded | xargs)" = '0 1'
}

@test "the more specific of two static SNATs stands first, in whatever order they come" {
	local net='{"name":"net","internal_address":"10.88.7.0/24","external_address":"192.0.2.1"}'
	local host='{"name":"host","internal_address":"10.88.7.2","external_address":"192.0.2.3"}'
	local up='{"name":"up","internal_address":"10.88.7.0/24","external_interface":"up0","external_address":"192.0.2.3"}'
	local order own=(nat POSTROUTING)
	! in_nftables || own=(natmap static_postrouting)
	# snats: those of static rules, in order
	snats() {
		ruleset host | sed '/chain static_closed/,/}/d' | grep -o '"natmap:@snat/[a-z]*' | cut -d: -f2 | xargs
	}
	config '{"static":{"snat":['"$host"']}}'
	run_natmap reload
	for order in "$net,$host,$up" "$host,$net" "$up,$host" "$up,$host,$net"; do
		config '{"static":{"snat":['"$order"']}}'
		run_natmap reload
		run_natmap check
		assert "$(snats)" =~ '^@snat/host( @snat/up)?( @snat/net)?$'
	done
	nft_take "${own[@]}" @snat/host
	run_natmap reload
	assert "$(snats)" = '@snat/host @snat/up @snat/net'
	config '{"static":{"snat":['"$net,${net/\"net\"/\"again\"}"']}}'
	run_natmap rc=2 reload
	assert "$stderr" has 'static.snat[1].internal_address'
}
