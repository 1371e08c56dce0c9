#!/usr/bin/env bats
# reload and check when nothing has changed since natmap last looked: they ask the kernel for its generation and read no
# rule; and whatever has changed is noticed as if nothing were remembered.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # NM_WRAP is for run_natmap, from which $status, $stderr and $output come

load helpers/natmap
load helpers/recovery

# begin: forwarding by interface, a static rule, two containers, and all of it verified
begin() {
	setting ipv4/ip_forward 0
	config "$NM_STATIC"
	publish web 8080:80
	publish other 8081:80,127.0.0.2:81:81 allow=192.0.2.0/24
	verify
}

verify() {
	run_natmap reload && agrees
}

# reads COMMAND: sets reads to which parts of the ruleset natmap COMMAND asks the kernel for
reads() {
	local NM_WRAP=(strace -qq -e trace=sendto -o "$NM_TMP/trace")
	run_natmap "$@" || return 1
	grep -q NFT_MSG_GETGEN "$NM_TMP/trace" || fail "strace has not seen the question for the generation"
	reads=$(grep -o 'NFT_MSG_GET[A-Z]*' "$NM_TMP/trace" | sort -u | grep -v GETGEN | xargs)
}

# unseen COMMAND...: it reads nothing of the ruleset
unseen() {
	local command
	for command; do
		reads "$command" && assert "$reads" = "" "what natmap $command reads" || return 1
	done
}

@test "with nothing changed, reload and check read no rule, element, chain or set" {
	strace -o /dev/null true || skip "strace does not work here"
	begin
	unseen reload check reload check
	reads reload --force
	assert "$reads" has NFT_MSG_GETRULE # what is measured can be seen
	verify
	config "$(cat "$NM_TMP/natmap.json")" # the same bytes in another file
	unseen reload check
	[[ -e "$(state_dir)/verified" ]]
}

@test "what a hook, add, remove or gc has done is known to be right; a check looks once at the rest" {
	strace -o /dev/null true || skip "strace does not work here"
	begin
	publish third 8083:80
	unseen reload
	agrees
	unseen check
	run_natmap add web 8090:80
	run_natmap remove web 8090:80
	withdraw third
	unseen reload
	publish fourth 8084:80
	ctr_stop fourth
	run_natmap gc
	unseen reload
	agrees
	assert "$(live)" = 'other web'
}

# notices: check finds something, and the same as if nothing were remembered; a reload mends it
notices() {
	local found
	run_natmap rc=3 check || return 1
	found=$output
	rm -f "$(state_dir)/verified"
	run_natmap rc=3 check || return 1
	same "what check finds" "$found" "$output" && verify
}

restore_without_web() {
	translation_take web:8080 || return 1
	if in_nftables; then
		{ echo flush ruleset && on host nft list ruleset; } >"$NM_TMP/rules" && on host nft -f "$NM_TMP/rules"
	else
		on host iptables-save >"$NM_TMP/4" && on host iptables-restore <"$NM_TMP/4"
	fi
}

publish_after_others() {
	translation_take web:8080 && publish third 8083:80
}

add_fence() {
	on host nft 'table inet fence { chain gate { type filter hook forward priority 10; policy drop; }; }'
}

turn_hairpin_off() {
	setting ipv4/conf/br0/route_localnet 1
	on host bridge link set dev vctr hairpin off
}

@test "whatever others change is noticed by check as if nothing were remembered, and mended by reload" {
	local change
	begin
	while read -r change; do
		echo "# $change"
		eval "$change" || fail "the test itself: $change"
		notices || fail "$change"
	done <<-'END'
		translation_take web:8080
		translation_add other:9999
		translation_change web:8080
		container_take web
		flush_ruleset
		restore_without_web
		publish_after_others
		setting ipv4/conf/br0/route_localnet 0
		setting ipv4/conf/up0/forwarding 0
		turn_hairpin_off
		config '{"localhost": false}'
		config '{}'
		ctr_stop other
	END
}

@test "what neither rules nor records tell is looked at each time" {
	begin
	serve host tcp 192.0.2.1:8080 hidden
	run_natmap rc=3 check
	assert "$output" has 'listens on 192.0.2.1'
	run_natmap rc=3 check
	add_fence
	run_natmap rc=3 check
	assert "$output" has "chain 'gate'"
	on ctr ip addr del 10.88.7.2/24 dev eth0
	run_natmap rc=3 check
	assert "$output" has 'no longer has the address'
}

@test "a bridge and a port that are renamed, and a lost list of interfaces that forward, are followed" {
	begin
	on host ip link set br0 down
	on host ip link set br0 name bridge7
	on host ip link set bridge7 up
	notices
	assert_rule host "$(guards bridge7)"
	on host ip link set vctr down
	on host ip link set vctr name port7
	on host ip link set port7 up
	verify
	assert "$(live 'select(.hairpin != null) | .hairpin.interface')" has port7
	rm "$(state_dir)/forwarding"
	verify
	[[ -s "$(state_dir)/forwarding" ]]
}

@test "counters that are set to zero are no change; a memory that is no file, or another one's, is none" {
	local copy=$NM_TMP/verified
	begin
	in_nftables || on host iptables -t nat -Z
	agrees
	verify
	cp "$(state_dir)/verified" "$copy"
	translation_take web:8080
	verify
	cp "$copy" "$(state_dir)/verified" # of an earlier generation
	translation_take web:8080
	notices
	ln -sf "$copy" "$(state_dir)/verified"
	agrees
	rm "$(state_dir)/verified"
	mkfifo "$(state_dir)/verified"
	translation_take web:8080
	run_natmap rc=3 check
	verify
	[[ -f "$(state_dir)/verified" && ! -L "$(state_dir)/verified" ]]
}

@test "after any sequence of hooks, what is remembered is what a check finds that remembers nothing" {
	local i id
	setting ipv4/ip_forward 0
	verify
	for i in {1..12}; do
		id=c$((i * 7 % 5))
		case $((i * 5 % 7)) in
		0 | 1 | 2) publish rc=any "$id" "80$i:80,[::]:81$i:81/udp" ;;
		3) run_natmap rc=any add --address 10.88.7.2 "$id" "82$i:82" ;;
		4) withdraw "$id" ;;
		5) [[ ! -e "$NM_TMP/ctr-$id" ]] || { ctr_stop "$id" && run_natmap gc; } ;;
		6) publish rc=any "$id" "127.0.0.$i:80:80" allow=192.0.2.0/24 ;;
		esac
		agrees || fail "remembering, after step $i"
		rm -f "$(state_dir)/verified"
		agrees || fail "remembering nothing, after step $i"
	done
}

# ended_well: the last reload did its work, or others were faster sixteen times in a row, which its message says
ended_well() {
	[[ $status = 0 ]] || assert "$stderr" has 'others changed the ruleset 16 times meanwhile'
}

# churn [COMMAND]: others change rules all the time, by COMMAND, too, until churn_end; of what runs meanwhile, while
# going_on N ROUNDS goes through at least ROUNDS, and more until the rules have changed 30 times
churn() {
	printf '%s\n' '*filter' ':THEIRS - [0:0]' '-A THEIRS -s 203.0.113.7 -j ACCEPT' COMMIT >"$NM_TMP/theirs"
	# shellcheck disable=SC2016 # for that shell
	spawn host sh -c 'while :; do
		nft "add table ip theirs; add chain ip theirs c { type nat hook prerouting priority -90; }"
		iptables-restore -n <"$1"
		nft delete table ip theirs
		eval "$2"
	done' churn "$NM_TMP/theirs" "${1:-}"
	churner=$spawned enough=$(($(generation) + 30))
}

going_on() {
	kill -0 "$churner" &&
		(($1 <= $2 || $(generation) < enough))
}

churn_end() {
	kill -0 "$churner"
	kill_group "$churner"
	wait_for refute kill -0 "$churner"
}

@test "reload while others change rules all the time: connections go on, and nothing is worse afterwards" {
	local i=0
	begin
	serve ctr tcp 80 web
	flow_open talk ext tcp 192.0.2.1 8080
	churn
	while going_on "$((++i))" 25; do
		((i % 5)) || publish "more$i" "$((9000 + i)):80" || return 1
		run_natmap rc=any reload
		ended_well || return 1
		assert "$(flow_ask talk)" = web "the connection, at reload $i" || return 1
	done
	churn_end
	assert "$(flow_ask talk)" = web
	verify
	assert_reach web ext tcp 192.0.2.1 8080
}

@test "reload while others flush rules all the time ends well, and the next one brings all back" {
	local i=0
	begin
	serve ctr tcp 80 web
	churn 'nft flush ruleset; echo 0 >/proc/sys/net/ipv4/conf/br0/route_localnet'
	while going_on "$((++i))" 20; do
		run_natmap rc=any reload
		ended_well || return 1
	done
	churn_end
	verify
	assert_reach web ext tcp 192.0.2.1 8080
	assert_reach web host tcp 127.0.0.1 8080
}

# asks: how often publishing ports of one more container asks the kernel for rules
asks() {
	local NM_WRAP=(strace -qq -e trace=sendto -o "$NM_TMP/trace")
	publish "$1" "$2" || return 1
	grep -q NFT_MSG_GETGEN "$NM_TMP/trace" || fail "strace has not seen the question for the generation"
	asks=$(grep -c NFT_MSG_GETRULE "$NM_TMP/trace" || true)
}

# In iptables' chains others may have written the guard of the interface, which is looked for.
@test "with nothing changed, a publish reads no rule that all containers share" {
	local few=0 asks
	strace -o /dev/null true || skip "strace does not work here"
	[[ $NM_BACKEND = nftables ]] || few=1
	publish web 8080:80
	asks second 8081:80
	assert "$asks" = "$few"
	withdraw second
	asks second 8081:80
	assert "$asks" = "$few"
	on host nft add table ip somebody
	asks third 8082:80
	assert "$asks" -gt "$few"
	asks fourth 8083:80
	assert "$asks" = "$few"
	run_natmap check
}
