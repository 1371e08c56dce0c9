#!/usr/bin/env bats
# Killed, or refused a system call, at every step: the state file covers the kernel, and the next hook puts things right.
# shellcheck disable=SC2030,SC2031,SC2154 # $stderr and $status come from run_natmap

load helpers/natmap
load helpers/recovery

setup() {
	net_up
	declare -gA known=() # lines that states_are_valid judges
	state=$NM_TMP/state/state
	mapfile -t argv < <(natmap_argv)
	ctr_start web >/dev/null
	state web "$(ctr_pid web)" creating io.natmap.ports=8080:80 >"$NM_TMP/old"
	state web "$(ctr_pid web)" creating io.natmap.ports=8080:80,9090:90/udp >"$NM_TMP/new"
	state web - stopped >"$NM_TMP/end"
	look
	settings settings
	do_hook new # from now on there is a state
	do_hook end
}

teardown() {
	net_down && states_are_valid
}

# do_hook old|new|end|add|remove|reload|gc [FAULT...]: publishes the old or the new ports, withdraws, makes the new ports
# of the old ones and the other way round by command, or recovers; its exit status is in $status. FAULT is what fault.c is
# to do to it.
do_hook() {
	local command=(hook createRuntime) input=$NM_TMP/$1
	case $1 in
	end) command=(hook poststop) ;;
	add | remove) command=("$1" web 9090:90/udp) input=/dev/null ;;
	reload) command=(reload --force) input=/dev/null ;;
	gc) command=(gc) input=/dev/null ;;
	esac
	status=0
	on_for 20 host ${2:+"$NM_PROGRAMS/fault"} "${@:2}" "${argv[@]}" "${command[@]}" <"$input" >"$NM_TMP/out" 2>"$NM_TMP/err" 3>&- || status=$?
}

# succeeded WHAT: the last hook has
succeeded() {
	[[ $status = 0 ]] || fail "$1: exit status $status" "$(<"$NM_TMP/err")"
}

# begin FROM: from nothing to what there is before the hook that fails: nothing, the old or the new ports, or a wreck
begin() {
	local from=$1
	[[ $from != wreck ]] || from=new
	[[ $from != nothing ]] || return 0
	do_hook "$from"
	succeeded preparation || return 1
	[[ $1 != wreck ]] || wreck
}

# wreck: web's rules are lost in part, a dead container has one, web is recorded twice, and a line is damaged
wreck() {
	local line
	line=$(grep '"live":1,.*"id":"web"' "$state" | sed 's/"filter":"[^"]*",//')
	{
		sed 's/"id":"web"/"id":"dead"/; s/"start":[0-9]*/"start":1/; s/8080:80/7070:70/' <<<"$line"
		sed 's/8080:80/6060:60/; p; s/6060:60/8080:80/' <<<"$line"
		echo damaged
	} >>"$state"
	if in_nftables; then
		on host nft 'flush map ip natmap ports; flush chain ip natmap forward; flush table ip6 natmap' || return 1
	else
		on host iptables -t nat -F && on host ip6tables -F || return 1
	fi
	translation_add dead:7070 && translation_add web:6060
}

# look: asks the kernel once for all that is judged: each tag is in $tags, on a line, those of containers' rules,
# natmap:ID:PORT, in $rules_now as well, and each setting in ${now[NAME]}
look() {
	local lines line
	declare -gA now=()
	tags=$'\n' rules_now=""
	"$NM_PROGRAMS/tags" "/run/netns/$NM_NS-host" ipv4/conf/{all,br0,up0}/forwarding ipv4/conf/br0/route_localnet hairpin/vctr \
		>"$NM_TMP/tags" || return 1
	mapfile -t lines <"$NM_TMP/tags"
	for line in "${lines[@]}"; do
		case $line in
		natmap:@* | natmap:*:*[!0-9]*) tags+=$line$'\n' ;;
		natmap:*:*) tags+=$line$'\n' rules_now+=${rules_now:+$'\n'}$line ;;
		natmap:*) tags+=$line$'\n' ;;
		*) now[${line%=*}]=${line#*=} ;;
		esac
	done
}

# settings NAME: sets the variable NAME to what natmap switches on for a container, as the last look saw it
settings() {
	printf -v "$1" '%s%s%s hairpin %s' "${now[ipv4/conf/br0/route_localnet]}" "${now[ipv4/conf/br0/forwarding]}" \
		"${now[ipv4/conf/up0/forwarding]}" "${now[hairpin/vctr]}"
}

# tagged NAME: looks, and sets the variable NAME to natmap:ID:PORT of every container's rule in the kernel
tagged() {
	look && printf -v "$1" %s "$rules_now"
}

# recorded NAME: the same of every live record. Only a last line without its end may be no JSON: the others are for states_are_valid.
recorded() {
	local lines=() line ports port found=$'\n'
	[[ ! -e "$state" ]] || mapfile lines <"$state"
	for line in "${lines[@]}"; do
		[[ "$line" == *$'\n' && "$line" != damaged$'\n' ]] || continue
		if [[ -z "${known["$line"]:-}" ]]; then
			known["$line"]=1
			printf %s "$line" >>"$NM_TMP/states"
		fi
		[[ "$line" =~ ^'{"live":1,'.*'"id":"'([^\"]*)'",'.*'"ports":['(.*)']' ]] || continue
		ports=${BASH_REMATCH[2]//[\",]/ }
		for port in $ports; do
			port=natmap:${BASH_REMATCH[1]}:${port%%:*}
			[[ "$found" == *$'\n'"$port"$'\n'* ]] || found+=$port$'\n'
		done
	done
	found=${found%$'\n'}
	printf -v "$1" %s "${found#$'\n'}"
}

# states_are_valid: each line that recorded has seen is JSON. All at once, because jq takes long to start.
states_are_valid() {
	[[ ! -e "$NM_TMP/states" ]] || jq -Rn 'inputs | fromjson | empty' "$NM_TMP/states"
}

# closed WHEN: where not all forward, an interface that does has its guard, as the last look saw it, and its record
closed() {
	local interface records
	[[ ${now[ipv4/conf/all/forwarding]} != 1 ]] || return 0
	for interface in up0 br0; do
		[[ ${now[ipv4/conf/$interface/forwarding]} = 1 ]] || continue
		forwarded+=("$interface")
		assert "$tags" has $'\n'"natmap:@forward/$interface"$'\n' "$interface forwards, and nothing closes it $1" || return 1
		slurp records "${state%/*}/forwarding"
		assert "$records" has " $interface" "$interface forwards, and no record says so $1" || return 1
	done
}

# covered WHEN: the state lists all that is in the kernel, and what forwards is closed
covered() {
	local rules records rule
	tagged rules && recorded records || return 1
	for rule in $rules; do
		assert " ${records//$'\n'/ } " has " $rule " "a rule without a record $1" || return 1
	done
	closed "$1"
}

# recovers WHEN HOOK: the next hooks, or the next reload and withdrawal, succeed and leave nothing
recovers() {
	local rules after
	[[ $2 = reload ]] || set -- "$1" new
	do_hook "$2"
	succeeded "$2 $1" || return 1
	tagged rules
	assert "$rules" = $'natmap:web:8080\nnatmap:web:9090' "rules after $2 $1" || return 1
	do_hook end
	succeeded "withdraw $1" || return 1
	tagged rules && recorded after
	assert "$rules$after" = "" "left after a withdraw $1" || return 1
	settings after
	assert "$after" = "$settings" "settings $1"
}

# count FROM HOOK CALL...: sets made[CALL] to how often the hook makes it; there is nothing afterwards
count() {
	local IFS=, rules call times
	begin "$1" || return 1
	do_hook "$2" count "$NM_TMP/calls" "${*:3}"
	succeeded "$2, counted" || return 1
	declare -gA made=()
	while IFS=' ' read -r call times; do
		made[$call]=$times
	done <"$NM_TMP/calls"
	do_hook end
	tagged rules
	assert "$rules" = "" "left after a withdraw"
}

# some MOST: which of the calls to kill or refuse at: the last dozen, which change things, and of the earlier ones, of which
# most are messages that read a chain, every seventh
some() {
	local n
	for ((n = 1; n <= $1; n++)); do
		[[ $n -le $(($1 - 12)) && $((n % 7)) != 1 ]] || echo "$n"
	done
}

# kill_at_each FROM HOOK CALL...: kills the hook before each of these system calls, one after the other
kill_at_each() {
	local from=$1 hook=$2 call n most when kills=0
	count "$@" || return 1
	for call in "${@:3}"; do
		most=${made[$call]}
		for n in $(some "$most"); do
			when="after a kill at $call $n of $most"
			begin "$from" || return 1
			do_hook "$hook" kill "$n" "$call"
			assert "$status" -ge 128 "status $when" || return 1
			kills=$((kills + 1))
			covered "$when" && recovers "$when" "$hook" || return 1
		done
	done
	assert "$kills" -gt 5 "kills of $hook from $from"
}

# refuse_at_each FROM HOOK ERROR CALL [+]: the same with a call that fails. A hook that fails says one line and leaves the
# kernel as it was (publish) or covered (withdraw); it may also get by without the call. +: all later ones fail, too, and
# what the kernel has done stays unknown: it is covered.
refuse_at_each() {
	local from=$1 hook=$2 error=$3 call=$4 on=${5:-} n most when before after records
	count "$from" "$hook" "$call" || return 1
	most=${made[$call]}
	assert "$most" -gt 0 "calls of $call, $hook from $from"
	for n in $(some "$most"); do
		when="after $error at $call $n of $most"
		begin "$from" || return 1
		tagged before
		do_hook "$hook" "$error" "$n$on" "$call"
		[[ $status != 127 ]] || continue # the loader's, before natmap begins
		slurp stderr "$NM_TMP/err"
		assert "$status" -le 1 "status $when: $stderr" || return 1
		check_stderr "$when" && covered "$when" || return 1
		assert "$stderr" lacks forbidden "$when" || return 1
		if [[ $status = 1 && $hook != end && ! $on ]]; then
			tagged after && recorded records
			same "rules $when" "$before" "$after" || return 1
			[[ $hook = reload ]] || same "records $when ($stderr)" "$before" "$records" || return 1
		fi
		recovers "$when" "$hook" || return 1
	done
}

@test "publish killed at any write, message or file" {
	kill_at_each nothing new mkdir flock renameat pwrite64 write sendto exit_group
}

# with_flow: connection tracking has an entry, among which natmap looks for stale ones, and kills are at those messages, too
with_flow() {
	on host conntrack -I -p udp -s 198.51.100.1 -d 198.51.100.2 --sport 1 --dport 2 -t 600 -u SEEN_REPLY >"$NM_TMP/flow" 2>&1
}

# has_flow: it is still there
has_flow() {
	assert "$(flows host -p udp)" has 'src=198.51.100.1 dst=198.51.100.2'
}

@test "publish in place of another killed at any write or message" {
	kill_at_each old new flock pwrite64 write
	with_flow
	kill_at_each old new sendto
	has_flow
}

@test "withdraw killed at any write or message" {
	kill_at_each new end flock pwrite64 write sendto exit_group
}

@test "the very first publish killed at any step of making the state" {
	local call
	for call in mkdir renameat write pwrite64 flock; do
		rm -rf "$NM_TMP/state"
		do_hook new kill 1 "$call"
		assert "$status" -ge 128 "status after a kill at $call"
		covered "after a kill at $call" && recovers "after a kill at $call" new
	done
}

@test "forwarding by interface: killed or refused at any write or message, what forwards is closed, and goes with the last" {
	local forwarded=()
	setting ipv4/ip_forward 0
	look
	settings settings
	kill_at_each nothing new renameat write sendto exit_group
	assert "${forwarded[*]}" has up0 "killed when it forwards"
	kill_at_each new end write sendto
	kill_at_each wreck reload write sendto
	refuse_at_each nothing new EIO write
	refuse_at_each new end EIO recvfrom +
}

@test "publish that is refused a write says so and leaves nothing" {
	refuse_at_each nothing new ENOSPC pwrite64
	refuse_at_each old new EIO pwrite64
	refuse_at_each nothing new EINTR flock
	refuse_at_each nothing new EINTR read
}

@test "publish that the kernel refuses a message says so and leaves nothing" {
	refuse_at_each nothing new EPERM sendto
	refuse_at_each nothing new EINTR recvfrom
}

@test "publish that loses the kernel's answers keeps the state covering the kernel" {
	refuse_at_each old new EIO recvfrom
	refuse_at_each old new EIO recvfrom +
}

@test "withdraw that is refused a call keeps the state covering the kernel" {
	refuse_at_each new end EIO pwrite64
	with_flow
	refuse_at_each new end ENOBUFS sendto
	has_flow
}

@test "add and remove killed at any write, and at the last messages" {
	kill_at_each old add flock pwrite64 sendto
	kill_at_each new remove flock pwrite64 sendto
}

# completed_by COMMAND CALL...: remove, killed before each of the last of these calls, is completed by the command
completed_by() {
	local by=$1 call n most when before rules records
	for call in "${@:2}"; do
		most=${made[$call]}
		for n in $(seq $((most > 4 ? most - 4 : 1)) "$most"); do
			when="by $by, after a kill at $call $n of $most"
			begin new || return 1
			do_hook remove kill "$n" "$call"
			recorded before
			do_hook "$by"
			if [[ $by = remove && $before = natmap:web:8080 ]]; then
				assert "$status" -eq 1 "status $when" || return 1 # it was complete
			else
				succeeded "$when" || return 1
			fi
			assert "$(live_ids)" = web "records $when" || return 1
			recorded records && tagged rules
			same "rules and records $when" "$records" "$rules" || return 1
			[[ $by = gc ]] || assert "$rules" = natmap:web:8080 "rules $when" || return 1
			do_hook end
		done
	done
}

@test "a remove that was killed is completed by the next remove or hook, or by gc" {
	count new remove pwrite64 sendto || return 1
	completed_by remove sendto || return 1
	completed_by old sendto || return 1
	completed_by gc pwrite64 sendto
}

@test "add and remove that are refused a write or one of the last messages say so and leave the ports as they were" {
	refuse_at_each old add EIO pwrite64
	refuse_at_each new remove EIO pwrite64
	refuse_at_each old add EPERM sendto
	refuse_at_each new remove EPERM sendto
}

@test "reload killed at any write, message or file" {
	kill_at_each wreck reload renameat pwrite64 write sendto
}

@test "reload that is refused a call says so, leaves the rules as they were, and the state covers the kernel" {
	refuse_at_each wreck reload EIO pwrite64
	refuse_at_each wreck reload ENOSPC write
	refuse_at_each wreck reload EIO renameat
	refuse_at_each wreck reload ENOBUFS sendto
}
