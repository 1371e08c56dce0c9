#!/usr/bin/env bats
# Crash recovery: whatever was lost, left over, moved or copied, a reload makes rules, settings and state agree, in one
# transaction that nobody notices.
# shellcheck disable=SC2034,SC2154 # NM_WRAP is for run_natmap, and $stderr and $output come from it

load helpers/natmap
load helpers/recovery
load helpers/syslog

localnet=ipv4/conf/br0/route_localnet

# answers: the container web and the static rule do, from everywhere they should
answers() {
	assert_reach web ext tcp 192.0.2.1 8080 && assert_reach web ext tcp fd00:99::1 8080 &&
		assert_reach web host tcp 127.0.0.1 8080 && assert_reach web ctr tcp 192.0.2.1 8080 &&
		assert_reach mail ext tcp 192.0.2.3 25
}

# begin: a container and a static rule, both with servers, and everything right
begin() {
	config "$NM_STATIC"
	serve ctr tcp 80 web
	serve ctr2 tcp 25 mail
	publish web 8080:80
	run_natmap reload
	agrees
}

@test "what the administrator flushed, in whatever way, comes back and answers" {
	local before flush
	begin
	flush_ruleset
	run_natmap reload
	before=$(rules host)
	for flush in flush_ruleset flush_rules flush_chains $(in_nftables && echo flush_elements); do
		$flush
		assert_no_reach ext tcp 192.0.2.1 8080
		mends "${NM_JUMP[@]}" missing-rule
		same "rules after $flush" "$before" "$(rules host)"
		answers
	done
	setting $localnet 0
	setting ipv4/ip_forward 0
	on host bridge link set dev vctr hairpin off
	mends "${NM_JUMP[@]}" missing-rule setting # rules, too: those that close what forwards for natmap alone
	answers
}

# bats test_tags=iptables
@test "jumps that are missing come back, and where they belong" {
	begin
	on host iptables -D FORWARD -j DOCKER-USER
	on host iptables -D DOCKER-USER -j NATMAP
	on host iptables -t nat -D PREROUTING -m addrtype --dst-type LOCAL -j NATMAP
	on host ip6tables -t nat -F PREROUTING
	on host iptables -A FORWARD -s 10.9.0.0/16 -j DROP
	mends jump
	assert "$(chain_of filter FORWARD)" = $'-j DOCKER-USER\n-s 10.9.0.0/16 -j DROP'
	assert "$(chain_of filter DOCKER-USER)" = '-j NATMAP'
	answers
}

# bats test_tags=iptables
@test "chains that were emptied are filled, and jumps that stand there twice stand there once" {
	begin
	on host iptables -F NATMAP
	on host iptables -t nat -F NATMAP
	mends missing-rule
	answers
	on host nft add rule ip filter FORWARD counter jump DOCKER-USER
	on host nft insert rule ip filter DOCKER-USER counter jump NATMAP
	on host iptables -t nat -I PREROUTING -m addrtype --dst-type LOCAL -j NATMAP
	mends stale-rule
	assert "$(chain_of filter FORWARD)" = '-j DOCKER-USER'
	assert "$(chain_of filter DOCKER-USER)" = '-j NATMAP'
	assert "$(chain_of nat PREROUTING | grep -c NATMAP)" -eq 1
	answers
}

# bats test_tags=nftables
@test "each chain and set of natmap's own tables comes back, with its rules and elements" {
	local before chain
	begin
	publish other 192.0.2.3:9090:90 127.0.0.2:81:81 allow=192.0.2.2/32
	before=$(rules host | sort) # a chain that was deleted comes back as the last one
	for chain in $(on host nft list table ip natmap | sed -n 's/^\tchain \(.*\) {/\1/p'); do
		[[ "$(on host nft list chain ip natmap "$chain")" =~ $'\n\t\t'(ct|meta|fib|ip|iifname|jump|dnat) ]] || continue
		on host nft flush chain ip natmap "$chain"
		mends missing-rule
	done
	on host nft 'flush chain ip natmap guard; delete chain ip natmap guard; delete set ip natmap localnet'
	on host nft 'delete chain ip6 natmap prerouting; flush map ip6 natmap ports'
	mends missing-rule
	same "rules" "$before" "$(rules host | sort)"
	answers
}

# bats test_tags=nftables
@test "rules of natmap's own tables that are moved, added or there twice are where they belong, and once" {
	local before
	begin
	before=$(rules host)
	nft_move insert natmap translate @ports
	nft_move add natmap prerouting static_prerouting
	nft_move insert natmap forward 'jump static_forward'
	mends missing-rule stale-rule
	on host nft insert rule ip natmap translate tcp dport 8080 accept
	on host nft add rule ip natmap masqueraded accept
	on host nft add rule ip6 natmap prerouting fib daddr type local jump translate
	mends stale-rule
	same "rules" "$before" "$(rules host)"
	answers
}

# bats test_tags=nftables
@test "natmap's accept in a chain of iptables that drops comes back, behind the administrator's rules, and goes with the drop" {
	begin
	on host iptables -P FORWARD DROP
	assert_no_reach ext tcp 192.0.2.1 8080
	mends jump missing-rule
	answers
	on host iptables -A DOCKER-USER -s 192.0.2.9 -j DROP
	mends misplaced-rule
	assert "$(chain_of filter DOCKER-USER | cut -c 1-16)" = $'-s 192.0.2.9/32 \n-m mark --mark 0'
	on host iptables -D FORWARD -j DOCKER-USER
	mends jump
	answers
	on host iptables -P FORWARD ACCEPT
	on host iptables -F DOCKER-USER
	run_natmap reload
	agrees
	assert "$(on host iptables -S)" = $'-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT'
}

# bats test_tags=iptables
@test "natmap's own rules in the wrong order are put in order" {
	begin
	publish other 192.0.2.3:9090:90 allow=192.0.2.2/32,192.0.2.9/32
	nft_move add filter NATMAP natmap:@established
	mends misplaced-rule
	assert "$(chain_of filter NATMAP | head -n 1)" has natmap:@established
	nft_move add nat NATMAP 192.0.2.3
	mends misplaced-rule
	assert "$(chain_of nat NATMAP | head -n 1)" has natmap:other:9090
	nft_move insert filter NATMAP ' drop comment "natmap:other:9090"'
	nft_move insert filter NATMAP natmap:@established
	mends misplaced-rule
	assert "$(chain_of filter NATMAP | grep -c natmap:other:9090)" -eq 3
	assert "$(chain_of filter NATMAP | grep natmap:other:9090 | tail -n 1)" has 'DROP'
}

# bats test_tags=iptables
@test "rules of others that came before natmap's, and keep packets from them, stand behind them" {
	begin
	publish local 127.0.0.2:81:81
	on host iptables -A DOCKER-USER -s 192.0.2.9 -j DROP
	mends jump
	assert "$(chain_of filter DOCKER-USER)" = $'-s 192.0.2.9/32 -j DROP\n-j NATMAP'
	on host iptables -t nat -I POSTROUTING -s 10.88.7.0/24 -j MASQUERADE
	agrees # it does to these packets what natmap's would
	on host iptables -t nat -I POSTROUTING -s 10.88.7.0/24 -j ACCEPT
	mends misplaced-rule
	assert "$(chain_of nat POSTROUTING | tail -n 1)" = '-s 10.88.7.0/24 -j MASQUERADE'
	on host iptables -t raw -I PREROUTING -j ACCEPT
	assert "$(chain_of raw PREROUTING | head -n 1)" = '-j ACCEPT'
	mends misplaced-rule
	assert "$(chain_of raw PREROUTING | tail -n 1)" = '-j ACCEPT'
	assert "$(chain_of raw PREROUTING | grep -c DROP)" -eq 3
	answers
}

@test "a rule that somebody changed is as before, and one that nobody needs is gone" {
	local before
	begin
	before=$(rules host)
	translation_change web:8080
	mends changed-rule
	same "rules" "$before" "$(rules host)"
	translation_add dead:99
	on host nft add rule ip filter INPUT tcp dport 99 counter return comment '"natmap:dead:99"' || :
	on host ip6tables -A FORWARD -p tcp --dport 99 -m comment --comment natmap:dead:99 -j ACCEPT
	mends stale-rule
	assert_no_rule host natmap:dead
	answers
}

@test "others' rules, chains and look-alikes survive byte for byte, and right rules keep handles and counters" {
	local before comment
	# loopback_take: deletes the translation for 127.0.0.1
	loopback_take() {
		if in_nftables; then
			on host nft delete element ip natmap host_ports '{ 127.0.0.1 . tcp . 8080 }'
		else
			nft_take nat OUTPUT 'daddr 127.0.0.1 '
		fi
	}
	begin
	for comment in my-natmap:web:80 natmap:web natmap: 'natmap web:8080' NATMAP:web:8080; do
		on host iptables -t nat -A POSTROUTING -s 10.9.0.0/16 -m comment --comment "$comment" -j ACCEPT
		on host iptables -A FORWARD -s 10.9.0.0/16 -m comment --comment "$comment" -j DROP
		on host ip6tables -t nat -A OUTPUT -d fd00:9::/64 -m comment --comment "$comment" -j ACCEPT
	done
	on host iptables -N MINE
	on host iptables -A MINE -p tcp --dport 7 -j RETURN
	if in_nftables; then
		run_natmap reload # these rules may drop something
	else
		on host iptables -t nat -A NATMAP -p tcp --dport 7 -j RETURN
		on host iptables -A NATMAP -p tcp --dport 7 -j MINE
	fi
	on host nft 'table inet mine { chain c { type filter hook forward priority 5; tcp dport 8080 counter accept; }; }'
	answers
	before=$(numbered)
	assert "$(translation web:8080)" =~ 'packets [1-9]'
	loopback_take
	mends missing-rule
	loopback_take
	same "the others" "$(grep -vE '(daddr |^[[:blank:]]+)127.0.0.1 ' <<<"$before")" "$(numbered)"
}

@test "a reload with nothing to do sends nothing" {
	local before generation
	begin
	publish local 127.0.0.2:81:81 allow=192.0.2.0/24
	answers
	before=$(numbered)
	generation=$(generation)
	run_natmap reload
	run_natmap reload --force
	assert "$(generation)" -eq "$generation"
	same "rules and counters" "$before" "$(numbered)"
	on host nft add table ip mine
	assert "$(generation)" -eq $((generation + 1))
}

# bats test_tags=iptables
@test "rules that iptables-restore has copied are recognised and withdrawn" {
	begin
	publish other 9090:90
	copy_rules
	assert_rule host natmap:web:8080
	withdraw other
	assert_no_rule host natmap:other
	agrees
	answers
	withdraw web
	assert_clean
}

# client FILE: connects again and again until FILE.stop is there; writes how often, and how often in vain or late
client() {
	# shellcheck disable=SC2016 # perl's variables
	spawn ext perl -MIO::Socket::INET -MTime::HiRes=time -e 'my ($n, $bad) = (0, 0);
		until (-e "$ARGV[0].stop") {
			my $begin = time; my $c = IO::Socket::INET->new(PeerAddr => "192.0.2.1:8080", Timeout => 2);
			$n++; $bad++ unless $c && (<$c> // "") eq "web\n" && time - $begin < 0.9;
			open my $f, ">", "$ARGV[0].begun" if $n == 1;
		}
		open my $f, ">", "$ARGV[0].new"; print $f "$n $bad\n"; close $f; rename "$ARGV[0].new", $ARGV[0];' "$1"
}

# disturb N: gives the Nth reload something to do: a static rule comes or goes, others' rules come before natmap's
disturb() {
	case $(($1 % 4)) in
	0) config "$NM_STATIC" ;;
	1) on host iptables -t nat -I POSTROUTING -s 10.88.7.0/24 -m comment --comment "other $1" -j ACCEPT ;;
	2) config '{}' ;;
	3) on host iptables -A DOCKER-USER -s 192.0.2.9 -m comment --comment "other $1" -j DROP ;;
	esac
}

@test "fifty reloads lose no new connection and no open one" {
	local i n bad
	on host iptables -P FORWARD DROP
	# shellcheck disable=SC2016 # perl's variables
	spawn ctr perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalPort => 80, Listen => 64, ReuseAddr => 1) or die;
		while (my $c = $s->accept) { print $c "web\n"; }'
	wait_for serve_is_ready tcp 80 4
	serve ctr tcp 81 long
	publish web 8080:80,8081:81
	flow_open long ext tcp 192.0.2.1 8081
	wait_for flow_ask long
	client "$NM_TMP/client"
	wait_for test -e "$NM_TMP/client.begun"
	for i in {1..50}; do
		disturb "$i"
		run_natmap reload
	done
	assert "$(flow_ask long)" = long
	: >"$NM_TMP/client.stop"
	wait_for test -e "$NM_TMP/client"
	read -r n bad <"$NM_TMP/client"
	assert "$n" -ge 20 connections
	assert "$bad" -eq 0 "of $n connections"
	agrees
}

@test "a dead container is forgotten with its rules, settings and flows, a live one stays" {
	local before
	serve ctr udp 53 dns
	serve ctr2 tcp 80 web
	ctr_start web ctr2
	publish web 192.0.2.1:8080:80
	before=$(numbered)
	publish dead 5353:53/udp
	assert_reach dns ext udp 192.0.2.1 5353
	assert "$(flows host -p udp --orig-port-dst 5353)" has 5353
	assert "$(setting $localnet) $(hairpin_of vctr)" = '1 on'
	ctr_stop dead
	mends gone-container
	assert "$(live) / $(tagged)" = 'web / web'
	assert "$(setting $localnet) $(hairpin_of vctr) $(hairpin_of vctr2)" = '0 off on'
	assert "$(flows host -p udp --orig-port-dst 5353)" = ""
	same "rules of the other" "$(grep natmap:web <<<"$before")" "$(numbered | grep natmap:web)"
	assert_reach web ext tcp 192.0.2.1 8080
}

# append SED: copies web's line to the end of the state, changed
append() {
	local line
	line=$(grep '"live":1,.*"id":"web"' "$(state_dir)/state" | tail -n 1 | sed 's/"filter":"[^"]*",//')
	sed "$1" <<<"$line" >>"$(state_dir)/state"
}

@test "a container that is recorded twice, as a change that was cut short leaves it, has its newest ports" {
	serve ctr tcp 80 web
	publish web 8080:80
	append 's/8080:80/8081:80/'
	mends interrupted-change missing-rule stale-rule
	assert "$(live '.ports[]')" = 8081:80/tcp
	assert_reach web ext tcp 192.0.2.1 8081
	assert_no_reach ext tcp 192.0.2.1 8080
	assert "$(setting $localnet) $(hairpin_of vctr)" = '1 on'
	append 's/"localnet":{[^}]*},//; s/8081:80/192.0.2.1:8081:80/'
	run_natmap reload
	agrees
	assert "$(live '.ports[]')" = 192.0.2.1:8081:80/tcp
	assert "$(setting $localnet)" = 0
	append 's/8081:80/8082:80/'
	ctr_stop web
	run_natmap reload
	agrees
	assert_clean
	assert "$(setting $localnet) $(hairpin_of vctr)" = '0 off'
}

# refused TEXT: a reload fails, says TEXT, and changes neither rules nor state
refused() {
	local before state
	before=$(snapshot host)
	state=$(cat "$(state_dir)/state" 2>&1) || :
	run_natmap rc=1 reload || return 1
	assert "$stderr" has "$1" && same "the host" "$before" "$(snapshot host)" || return 1
	[[ "$state" = *'No such file'* ]] || same "the state" "$state" "$(<"$(state_dir)/state")"
}

@test "a state that is missing while containers have rules is refused, unless forced" {
	local way
	for way in keep rm; do
		config "$NM_STATIC"
		publish web 8080:80
		rm "$(state_dir)/state"
		[[ $way = keep ]] || rm -r "$(state_dir)"
		refused "--force"
		assert "$stderr" has natmap:web:8080
		refused "--force" # the first attempt has not made a state that the second takes for a good one
		run_natmap reload --force
		assert_no_rule host natmap:web
		assert_rule host natmap:@dnat/mail
		agrees
		ctr_stop web
	done
}

# bats test_tags=iptables
@test "copies of iptables-restore do not keep a reload from starting with a new state" {
	config "$NM_STATIC"
	publish web 8080:80
	copy_rules
	rm -r "$(state_dir)"
	mends missing-rule stale-rule
	assert_no_rule host natmap:web
	assert_rule host natmap:@dnat/mail
}

@test "damaged lines of the state are refused, unless forced; the others stay" {
	publish web 8080:80
	publish other 9090:90
	sed -i '/"id":"other"/s/"pid":[0-9]*/"pid":"x"/' "$(state_dir)/state"
	echo garbage >>"$(state_dir)/state"
	refused "2 lines of the state file are damaged"
	differs damaged-state stale-rule
	run_natmap reload --force
	agrees
	assert "$(live) / $(tagged)" = 'web / web'
	assert "$(wc -l <"$(state_dir)/state")" -eq 2
	withdraw web
	assert_clean
}

# bats test_tags=once
@test "a state whose first line is damaged is refused, unless forced" {
	publish web 8080:80
	sed -i '1s/boot/bott/' "$(state_dir)/state"
	refused "first line is damaged"
	run_natmap reload --force
	assert_clean
	agrees
}

# bats test_tags=once
@test "a state of another PID namespace is refused, forced or not" {
	publish web 8080:80
	sed -i '1s/\("pidns":"[0-9]*:\)[0-9]*/\11/' "$(state_dir)/state"
	refused "another PID namespace"
	run_natmap rc=1 reload --force
	assert "$(tagged)" = web
}

# bats test_tags=once
@test "a state of another boot is empty, one of another network namespace is refused" {
	publish web 8080:80
	sed -i '1s/\("netns":"[0-9]*:\)[0-9]*/\11/' "$(state_dir)/state"
	refused "--state-dir"
	run_natmap rc=1 reload --force
	sed -i '1s/"boot":"[0-9a-f]*/"boot":"00000000/' "$(state_dir)/state"
	on host nft flush ruleset
	run_natmap reload
	agrees
	assert "$(live)$(tagged)" = ""
}

@test "localhost and hairpin take effect at a reload, with their settings, and are recorded" {
	serve ctr tcp 80 'web %p'
	publish web 8080:80
	config '{"localhost": false}'
	mends stale-rule
	assert_no_rule host 127.0.0.1
	assert_no_rule host natmap:@localnet
	assert "$(setting $localnet) $(live '.localnet.interface')" = '0 null'
	config '{}'
	mends missing-rule setting
	assert_rule host natmap:@localnet
	assert_reach 'web 10.88.7.1' host tcp 127.0.0.1 8080
	assert "$(setting $localnet) $(live '.localnet | "\(.interface) \(.set)"')" = '1 br0 true'
	config '{"hairpin": false}'
	mends stale-rule
	assert_no_rule host "$(masquerades 10.88.7.0/24 10.88.7.2)"
	assert "$(hairpin_of vctr) $(live '.hairpin.interface')" = 'off null'
	assert_reach 'web 192.0.2.2' ext tcp 192.0.2.1 8080
	config '{}'
	run_natmap reload
	agrees
	assert_rule host "$(masquerades 10.88.7.0/24 10.88.7.2)"
	publish web 8080:80 # a reload does not know the bridge port any more
	assert "$(hairpin_of vctr)" = on
	assert_reach 'web 10.88.7.1' ctr tcp 192.0.2.1 8080
	withdraw web
	assert_clean
	assert "$(setting $localnet) $(hairpin_of vctr)" = '0 off'
}

@test "masquerade_all takes effect at a reload, and back" {
	local narrower=(changed-rule stale-rule) wider=(changed-rule missing-rule)
	! in_nftables || { narrower=(missing-rule stale-rule) && wider=("${narrower[@]}"); }
	serve ctr tcp 80 'web %p'
	publish web 8080:80
	config '{"masquerade_all": true}'
	mends "${narrower[@]}"
	assert_reach 'web 10.88.7.1' ext tcp 192.0.2.1 8080
	config '{}'
	mends "${wider[@]}"
	assert_reach 'web 192.0.2.2' ext tcp 192.0.2.1 8080
}

# bats test_tags=once
@test "settings that were on before natmap stay on, whatever is reloaded" {
	setting $localnet 1
	on host bridge link set dev vctr hairpin on
	publish web 8080:80
	config '{"localhost": false, "hairpin": false}'
	run_natmap reload
	config '{}'
	run_natmap reload
	agrees
	withdraw web
	assert "$(setting $localnet) $(hairpin_of vctr)" = '1 on'
}

@test "static rules come, change and go with the configuration" {
	serve ctr2 tcp 25 mail
	serve ctr2 tcp 26 other
	config "$NM_STATIC"
	mends "${NM_JUMP[@]}" missing-rule
	assert_reach mail ext tcp 192.0.2.3 25
	config "${NM_STATIC/25/26}"
	mends "${NM_CHANGED[@]}"
	assert_no_reach ext tcp 192.0.2.3 25
	assert_reach other ext tcp 192.0.2.3 26
	config "${NM_STATIC/mail/post}"
	mends missing-rule stale-rule
	assert_no_rule host @dnat/mail
	assert_reach mail ext tcp 192.0.2.3 25
	config '{}'
	mends stale-rule
	assert_no_rule host @dnat
	assert_no_reach ext tcp 192.0.2.3 25
}

# bats test_tags=once
@test "a static rule that wants a live container's port is told and refused, and nothing changes" {
	local before
	publish web 192.0.2.3:25:80
	before=$(snapshot host)
	config "$NM_STATIC"
	run_natmap rc=4 reload
	assert "$stderr" has web
	assert "$stderr" has mail
	same "the host" "$before" "$(snapshot host)"
}

# broken WHERE TEXT: a reload with this configuration fails, names file, place and what it wants; nothing changes
broken() {
	local before state
	before=$(snapshot host)
	state=$(<"$(state_dir)/state")
	config "$2"
	run_natmap rc=2 reload || return 1
	assert "$stderr" has "$NM_TMP/natmap.json" && assert "$stderr" has "$1" || return 1
	same "the host" "$before" "$(snapshot host)" && same "the state" "$state" "$(<"$(state_dir)/state")"
}

# bats test_tags=once
@test "a broken configuration changes nothing and is told in one line with file, place and what is wanted" {
	config "$NM_STATIC"
	publish web 8080:80
	run_natmap reload
	broken 'static.dnat[0].ports' "${NM_STATIC/\"25\"/25}"
	assert "$stderr" has 'expected a list of ports and ranges'
	broken 'static.dnat[0]' "${NM_STATIC/10.88.7.3/fd00:7::3}"
	broken 'static.dnat[0].colour' "${NM_STATIC/\"name\"/\"colour\": 1, \"name\"}"
	broken static '{"static": []}'
	broken hairpin '{"hairpin": 1}'
	broken '' '{"static": {'
}

# bats test_tags=once
@test "hooks work with a broken static, publishing notes it; of a file that is broken elsewhere only withdraw does not care" {
	syslog_start
	config "${NM_STATIC/\"25\"/25}"
	publish web 8080:80
	assert_rule host natmap:web:8080
	wait_for syslog_has 'static.dnat[0].ports'
	withdraw web
	assert_clean
	publish web 8080:80
	config '{"hairpin": 1}'
	publish rc=2 other 9090:90
	assert "$(tagged)" = web
	withdraw web
	config '{}'
	assert_clean
}

# race N: reloads against publications and withdrawals. Each container ends withdrawn.
race() {
	local i
	for i in 1 2 3 4; do
		case $(($1 % 3)) in
		0) run_natmap reload || return 1 ;;
		1) publish "c$1" "$((8000 + $1)):80" pid="$(ctr_pid web)" && withdraw "c$1" || return 1 ;;
		2) publish "c$1" "$((8000 + $1)):80" pid="$(ctr_pid web)" || return 1 ;;
		esac
		[[ $(($1 % 3)) != 1 ]] || assert_no_rule host "natmap:c$1:" || return 1
	done
}

@test "reloads beside publications and withdrawals: what was removed stays removed, state and kernel agree" {
	ctr_start web
	at_once 15 race
	assert "$(live)" = 'c11 c14 c2 c5 c8'
	assert "$(tagged)" = 'c11 c14 c2 c5 c8'
	agrees
}

# beside_slow_reload N: 1 is a reload that takes its time; meanwhile 2 withdraws a container and 3 publishes one
beside_slow_reload() {
	local lock
	lock=$(in_locks "$(state_dir)/lock")
	[[ $1 = 1 ]] || wait_for grep -q "FLOCK .* $lock " /proc/locks
	case $1 in
	1) NM_WRAP=(strace -o /dev/null -e trace=sendto -e inject=sendto:delay_enter=4000) && run_natmap reload ;;
	2) withdraw old ;;
	3) publish new 9090:90 pid="$(ctr_pid old)" ;;
	esac
}

@test "a container that goes while a reload works does not come back, and one that comes stays" {
	strace -o /dev/null true || skip "strace does not work here"
	publish old 8080:80
	flush_rules
	at_once 3 beside_slow_reload
	assert "$(live) / $(tagged)" = 'new / new'
	agrees
}

# bats test_tags=once
@test "without the privilege a reload says so in one line" {
	NM_WRAP=(setpriv --bounding-set -all --inh-caps -all)
	run_natmap rc=1 reload
}
