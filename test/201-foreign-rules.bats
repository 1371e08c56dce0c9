#!/usr/bin/env bats
# natmap beside other people's rules: where its jumps stand, and what it never touches.
# shellcheck disable=SC2154 # $stderr comes from run_natmap
# bats file_tags=iptables

load helpers/natmap

# chain_of TABLE CHAIN: its rules on the host, without the name of the chain
chain_of() {
	on host iptables -t "$1" -S "$2" | sed -n 's/^-A [^ ]* //p'
}

# look_alikes: rules of others with comments that resemble natmap's
look_alikes() {
	local comment
	for comment in my-natmap:web:80 natmap:web2:80 natmap:webb:8080 'natmap:web' 'natmap:we:8080' 'natmap web:8080' \
		'NATMAP:web:8080' ' natmap:web:8080' 'xnatmap:web:8080' 'natmap:'; do
		on host iptables -t nat -A POSTROUTING -s 10.9.0.0/16 -m comment --comment "$comment" -j ACCEPT
		on host iptables -t nat -A OUTPUT -d 203.0.113.1/32 -m comment --comment "$comment" -j ACCEPT
		on host iptables -A FORWARD -s 10.9.0.0/16 -m comment --comment "$comment" -j DROP
		on host ip6tables -A FORWARD -s fd00:9::/64 -m comment --comment "$comment" -j DROP
	done
}

@test "foreign rules and look-alikes survive a publish and a withdraw" {
	local before
	publish first 8079:80
	withdraw first
	look_alikes
	on host iptables -t nat -A NATMAP -p tcp --dport 7 -j RETURN
	on host iptables -A NATMAP -p tcp --dport 7 -j RETURN
	on host iptables -t raw -A PREROUTING -d 127.0.0.0/8 -i br0 -j DROP
	on host nft 'table inet mine { chain c { type filter hook forward priority 5; tcp dport 8080 counter accept; }; }'
	before=$(snapshot host)
	publish web 8080:80,127.0.0.2:81:81
	withdraw web
	same "the host" "$before" "$(snapshot host)"
}

@test "policies stay what the administrator made them" {
	local chain
	for chain in INPUT FORWARD OUTPUT; do
		on host iptables -P "$chain" DROP
		on host ip6tables -P "$chain" DROP
	done
	publish web 8080:80
	assert "$(rules host | grep -c '^:[A-Z]* DROP')" -eq 6
	withdraw web
	assert "$(rules host | grep -c '^:[A-Z]* DROP')" -eq 6
}

@test "the jump stands in DOCKER-USER behind the administrator's rules and before a bare RETURN" {
	on host iptables -N DOCKER-USER
	on host iptables -A DOCKER-USER -s 192.0.2.9 -j DROP
	on host iptables -A DOCKER-USER -j RETURN
	publish web 8080:80
	assert "$(chain_of filter DOCKER-USER)" = $'-s 192.0.2.9/32 -j DROP\n-j NATMAP\n-j RETURN'
	publish db 5432:5432
	assert "$(chain_of filter DOCKER-USER)" = $'-s 192.0.2.9/32 -j DROP\n-j NATMAP\n-j RETURN'
}

@test "a RETURN with a condition is a rule like any other" {
	on host iptables -N DOCKER-USER
	on host iptables -A DOCKER-USER -s 192.0.2.9 -j RETURN
	publish web 8080:80
	assert "$(chain_of filter DOCKER-USER)" = $'-s 192.0.2.9/32 -j RETURN\n-j NATMAP'
}

@test "rules that came behind the jump stand before it after the next publish" {
	publish web 8080:80
	on host iptables -A DOCKER-USER -s 192.0.2.9 -j DROP
	on host iptables -A DOCKER-USER -s 192.0.2.8 -j DROP
	publish db 5432:5432
	assert "$(chain_of filter DOCKER-USER)" = $'-s 192.0.2.9/32 -j DROP\n-s 192.0.2.8/32 -j DROP\n-j NATMAP'
	on host iptables -A DOCKER-USER -s 192.0.2.7 -j DROP
	on host iptables -A DOCKER-USER -j RETURN
	publish mail 25:25
	assert "$(chain_of filter DOCKER-USER | tail -n 3)" = $'-s 192.0.2.7/32 -j DROP\n-j NATMAP\n-j RETURN'
}

@test "an administrator's rule in DOCKER-USER decides before natmap's" {
	serve ctr tcp 80 web
	publish web 8080:80
	assert_reach web ext tcp 192.0.2.1 8080 from=192.0.2.9
	on host iptables -I DOCKER-USER -s 192.0.2.9 -j DROP
	assert_no_reach ext tcp 192.0.2.1 8080 from=192.0.2.9
	assert_reach web ext tcp 192.0.2.1 8080
}

@test "the jump to DOCKER-USER is put at the head of FORWARD when it is missing" {
	on host iptables -A FORWARD -s 10.9.0.0/16 -j DROP
	publish web 8080:80
	assert "$(chain_of filter FORWARD)" = $'-j DOCKER-USER\n-s 10.9.0.0/16 -j DROP'
	on host iptables -D FORWARD -j DOCKER-USER
	publish db 5432:5432
	assert "$(chain_of filter FORWARD)" = $'-j DOCKER-USER\n-s 10.9.0.0/16 -j DROP'
}

@test "a jump to DOCKER-USER that stands already stays where it is" {
	on host iptables -N DOCKER-USER
	on host iptables -A FORWARD -s 10.9.0.0/16 -j DROP
	on host iptables -A FORWARD -j DOCKER-USER
	publish web 8080:80
	assert "$(chain_of filter FORWARD)" = $'-s 10.9.0.0/16 -j DROP\n-j DOCKER-USER'
}

@test "the jump in PREROUTING comes after rules that stand there already, and once" {
	on host iptables -t nat -A PREROUTING -p tcp --dport 7 -j DNAT --to-destination 10.88.7.3
	publish web 8080:80
	publish db 5432:5432
	assert "$(chain_of nat PREROUTING)" = $'-p tcp -m tcp --dport 7 -j DNAT --to-destination 10.88.7.3\n-m addrtype --dst-type LOCAL -j NATMAP'
}

# others_in_nat add|insert RULE...: chains of others in PREROUTING and OUTPUT, which have these rules
others_in_nat() {
	local chain rule
	for chain in PREROUTING OUTPUT; do
		on host nft "add table ip nat; add chain ip nat in_$chain; add chain ip nat all_$chain; add chain ip nat $chain {
			type nat hook ${chain,,} priority -100; }; add rule ip nat in_$chain counter jump all_$chain; $1 rule ip nat $chain counter jump in_$chain"
		for rule in "${@:2}"; do
			on host nft "add rule ip nat all_$chain $rule"
		done
	done
}

# heads_of_nat JUMP OUTPUT: what the first rules of PREROUTING and OUTPUT have
heads_of_nat() {
	assert "$(chain_of nat PREROUTING | head -n 1)" has "$1" && assert "$(chain_of nat OUTPUT | head -n 1)" has "$2"
}

@test "rules of others that end nat for every packet come behind natmap's" {
	serve ctr tcp 80 web
	others_in_nat add 'ip saddr 10.9.0.0/16 return' 'counter accept'
	publish web 8080:80
	heads_of_nat '-j NATMAP' natmap:
	publish db 8081:80
	heads_of_nat '-j NATMAP' natmap:
	assert_reach web ext tcp 192.0.2.1 8080
	assert_reach web host tcp 127.0.0.1 8081
	run_natmap check
	others_in_nat insert
	heads_of_nat '-j in_PREROUTING' '-j in_OUTPUT'
	run_natmap rc=3 check
	assert "$(grep -c 'stands where it does not work' <<<"$output")" -eq 5 "$output"
	run_natmap reload
	heads_of_nat '-j NATMAP' natmap:
	run_natmap check
	assert_reach web ctr2 tcp 192.0.2.1 8081
	assert_reach web host tcp 192.0.2.1 8080
}

@test "rules of others that end nat for some packets come before natmap's, as they stood" {
	others_in_nat add 'ip saddr 10.9.0.0/16 accept' 'counter return' 'counter accept'
	publish web 8080:80
	heads_of_nat '-j in_PREROUTING' '-j in_OUTPUT'
	run_natmap check
	run_natmap reload
	heads_of_nat '-j in_PREROUTING' '-j in_OUTPUT'
}

@test "hairpin rules stand at the head of POSTROUTING, before others' rules" {
	on host iptables -t nat -A POSTROUTING -s 10.88.7.0/24 -j ACCEPT
	publish web 8080:80
	assert "$(chain_of nat POSTROUTING | tail -n 1)" = '-s 10.88.7.0/24 -j ACCEPT'
	assert "$(chain_of nat POSTROUTING | head -n 1)" has natmap:web:8080
}

@test "what the administrator flushed comes back with the next publish" {
	publish web 8080:80
	on host iptables -F
	on host iptables -t nat -F
	on host iptables -X
	publish db 5432:5432
	assert "$(chain_of filter FORWARD)" = '-j DOCKER-USER'
	assert "$(chain_of filter DOCKER-USER)" = '-j NATMAP'
	assert "$(chain_of filter NATMAP | head -n 1)" has natmap:@established
	publish web 8080:80
	assert_rule host '-p tcp -m tcp --dport 8080'
	assert "$(chain_of filter NATMAP)" has natmap:web:8080
}

@test "a chain of iptables' name that is hooked elsewhere is refused, and stays" {
	on host nft 'table ip nat { chain PREROUTING { type nat hook prerouting priority -150; }; }'
	local before
	before=$(on host nft list ruleset)
	publish rc=1 web 8080:80
	assert "$stderr" has "creating chain 'PREROUTING' in table 'nat'"
	same "the ruleset" "$before" "$(on host nft list ruleset)"
}

chains_are_told() {
	on host nft 'table ip news { chain c {}; }; delete table ip news' && [[ -s $NM_TMP/news ]]
}

# Each message about a chain would make the next one to change rules or to close its socket wait for the kernel.
@test "chains that are there are not sent again" {
	local monitor
	publish web 8080:80 127.0.0.2:81:81
	nsenter --net="/run/netns/$NM_NS-host" nft monitor chains >"$NM_TMP/news" 3>&- &
	monitor=$!
	wait_for chains_are_told
	publish db 5432:5432 '[fd00:99::3]:3306:3306'
	on host nft 'table ip last { chain c {}; }'
	wait_for grep -q ' ip last c' "$NM_TMP/news"
	kill "$monitor"
	wait "$monitor" || true
	same "what has been told of chains" 'add chain ip last c' "$(grep -v ' ip news c' "$NM_TMP/news")"
}
