#!/usr/bin/env bats
# A hook that makes or removes a network, killed or refused a system call at every step: what comes next leaves nothing of it,
# and gives no address twice.
# shellcheck disable=SC2154 # $stderr and $status come from run_natmap

load helpers/natmap
load helpers/network

setup() {
	net_up
	network
	mapfile -t argv < <(natmap_argv)
	box other
	publish other network=bridge # from now on there are a state and base chains
}

# do_hook STAGE ID [FAULT...]: creates, or ends, the container; its exit status is in $status
do_hook() {
	local pid=-
	[[ $1 = poststop ]] || pid=$(ctr_pid "$2")
	state "$2" "$pid" creating io.natmap.network=bridge io.natmap.ports=8080:80 >"$NM_TMP/in"
	status=0
	on_for 20 host ${3:+"$NM_PROGRAMS/fault"} "${@:3}" "${argv[@]}" hook "$1" <"$NM_TMP/in" >"$NM_TMP/out" 2>"$NM_TMP/err" 3>&- ||
		status=$?
}

# succeeded WHAT: the last hook has
succeeded() {
	[[ $status = 0 ]] || fail "$1: exit status $status" "$(<"$NM_TMP/err")"
}

# nothing_left WHEN [LINK...]: the host has these links, no rule of web's, and no record but those of the others
nothing_left() {
	links_are "${@:2}" || fail "links $1" || return 1
	assert "$(tags host)" lacks natmap:web: "rules $1" || return 1
	assert " $(live_ids) " lacks ' web ' "records $1"
}

# no_address_twice WHEN: each address is on record once, and in one namespace
no_address_twice() {
	local twice
	twice=$(grep -o '^{"live":1,.*' "$NM_TMP/state/state" | sed -E 's/.*"id":"([^"]*)".*"network":(.*)/\1 \2/' |
		grep -Eo '^[^ ]+|"(10\.86|fd00:86)[^"]*"' | awk '/^[^"]/ { id = $0; next } owner[$0] && owner[$0] != id; { owner[$0] = id }')
	assert "$twice" = '' "addresses given twice $1"
}

# comes_after WAY WHEN: what the runtime, or the next one, does after a hook that was killed
comes_after() {
	case $1 in
	end) # the hook after the end
		unbox web && do_hook poststop web && succeeded "poststop $2" || return 1
		run_natmap gc
		;;
	gc) # nobody
		unbox web && run_natmap gc || return 1
		;;
	next) # the container is tried again, in a new namespace, after one that has another id
		unbox web && box web last || return 1
		do_hook createRuntime web && succeeded "createRuntime $2" || return 1
		publish last network=bridge && no_address_twice "$2" || return 1
		serve web tcp 80 web && assert_reach web ext tcp 192.0.2.1 8080 || return 1
		end_box last web && run_natmap gc
		;;
	again) # the same process is tried again
		do_hook createRuntime web && succeeded "createRuntime $2" && no_address_twice "$2" || return 1
		serve web tcp 80 web && assert_reach web ext tcp 192.0.2.1 8080 || return 1
		end_box web && run_natmap gc
		;;
	esac
}

# at_each FAULT STAGE CALL...: the hook suffers it at each of these calls, one after the other, or, with $every, at every so
# many; what comes after takes turns
at_each() {
	local fault=$1 stage=$2 call n most when tried=0 ways=(end next gc again) kept way=0 IFS=' '
	wait_for none_is_aside
	kept=$(links)
	box web
	[[ $stage = createRuntime ]] || do_hook createRuntime web
	(IFS=, && do_hook "$stage" web count "$NM_TMP/calls" "${*:3}") || return 1
	end_box web
	for call in "${@:3}"; do
		most=$(sed -n "s/^$call //p" "$NM_TMP/calls")
		for ((n = 1; n <= most; n += ${every:-1})); do
			when="after $fault at $call $n of $most of $stage, then ${ways[way]}"
			box web
			[[ $stage = createRuntime ]] || do_hook createRuntime web || return 1
			do_hook "$stage" web "$fault" "$n" "$call"
			if [[ $status = 0 ]]; then # there are fewer of them, as what has been read is known, or it gets by without
				end_box web
				[[ $fault != kill ]] || break
				continue
			fi
			no_address_twice "$when" || return 1
			tried=$((tried + 1))
			if [[ $fault != kill && $status = 1 && $stage = createRuntime ]]; then
				# shellcheck disable=SC2086 # a list of words
				nothing_left "$when" $kept || return 1
			fi
			comes_after "${ways[way]}" "$when" || return 1
			# shellcheck disable=SC2086 # a list of words
			nothing_left "$when" $kept || return 1
			way=$(((way + 1) % 4))
		done
	done
	assert "$tried" -gt 0 "calls of $stage that failed"
}

@test "a hook that makes the first network, killed at any write or message" {
	end_box other
	links_are
	at_each kill createRuntime pwrite64 write sendto
}

@test "a hook that makes another network, killed at some of them" {
	every=4 at_each kill createRuntime pwrite64 write sendto
}

@test "a hook that removes the last network, killed at any write or message" {
	end_box other
	links_are
	at_each kill poststop pwrite64 write sendto exit_group
}

@test "a hook that removes one of two networks, killed at some of them" {
	every=4 at_each kill poststop pwrite64 write sendto
}

@test "a hook that makes a network, and is refused a message or a write, leaves nothing" {
	every=2 at_each EPERM createRuntime sendto
	at_each EIO createRuntime pwrite64
}

@test "what a killed hook has made of a network goes with a reload that finds nothing else to do" {
	end_box other
	links_are
	run_natmap reload # from now on it knows all rules to be right
	box web
	do_hook createRuntime web kill 1 pwrite64
	assert "$(links)" = natmap0 "killed before web is recorded"
	run_natmap reload
	links_are
}
