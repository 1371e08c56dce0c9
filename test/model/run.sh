#!/bin/bash
# run.sh [STEPS [SEED [LEFT_OUT]]]: random sequences of commands, damage and changes, compared with a model after each step.
#
# Each sequence has a seed, a network of its own, and 250 steps; several run at a time. The first seed is SEED, or a random one;
# the others follow. So that `run.sh 250 SEED` repeats one of them. LEFT_OUT, such as 3-17,20, are steps that are not made.
# When one fails, its history is printed, and steps are left out that are not needed for it to fail, for NM_SHRINK_SECONDS (60).
# MODEL_DEBUG=COMMAND is run on its host then.
set -u
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=test/helpers/natmap.bash
. test/helpers/natmap.bash

total=${1:-1000}
seed=${2:-$((RANDOM * 32768 + RANDOM))}
left_out=${3:-}
backends=(iptables nftables auto)
work=$(mktemp -d)
trap 'umount -l "$work" 2>/dev/null; rm -rf "$work"' EXIT
mount -t tmpfs none "$work" || exit 1
export TMPDIR=$work
export LC_ALL=C

# node_up NAME LAST: one more container node on the bridge, as net_up makes them
node_up() {
	ip netns add "$NM_NS-$1" && NM_NODES+=" $1" &&
		ip -n "$NM_NS-host" link add "v$1" up master br0 type veth peer name eth0 netns "$NM_NS-$1" &&
		ip -n "$NM_NS-$1" link set lo up && net_ctr_up "$1" "$2"
}

# sequence SEED STEPS [LEFT_OUT]: runs it, in a subshell
sequence() {
	local pid status=0
	net_up && node_up ctr3 4 && node_up ctr4 5 && wait_for net_is_up || return 2
	export NM_PROGRAMS
	"$NM_PROGRAMS/enter" -s "$(netns host)" perl test/model/sequence.pl "$1" "$2" "${backends[$1 % 3]}" "${3:-}" &
	pid=$!
	wait "$pid" || status=$?
	kill_group "$pid"
	net_down || status=1
	return "$status"
}

# ranges: the numbers on stdin as 1-3,7-7
ranges() {
	grep . | sort -nu | awk 'NR > 1 && $1 == last + 1 { last = $1; next }
		NR > 1 { printf "%s%s-%s", sep, first, last; sep = "," }
		{ first = last = $1 }
		END { if (NR) printf "%s%s-%s", sep, first, last }'
}

# shrink SEED STEPS FAILED: prints the steps that may be left out so that the last one still fails
shrink() {
	local end=$((SECONDS + ${NM_SHRINK_SECONDS:-60})) size first i try
	declare -A out=()
	for ((size = $3 / 2; size > 0; size /= 2)); do
		for ((first = 1; first < $3 && SECONDS < end; first += size)); do
			[[ -z "${out[$first]:-}" ]] || continue
			try=$({
				printf '%s\n' "${!out[@]}"
				seq "$first" $((first + size < $3 ? first + size - 1 : $3 - 1))
			} | ranges)
			(sequence "$1" "$2" "$try") >"$work/shrink" 2>&1 && continue
			grep -q "^failed $3\$" "$work/shrink" || continue
			cp "$work/shrink" "$work/shrunk"
			for ((i = first; i < first + size && i < $3; i++)); do out[$i]=1; done
		done
	done
	printf '%s\n' "${!out[@]}" | ranges
}

# report SEED STEPS FILE: what failed, and what repeats it
report() {
	local failed skip
	failed=$(sed -n 's/^failed //p' "$3" | head -n 1)
	cat "$3"
	[[ -n "$failed" ]] || return
	printf '\nrepeat: make model SEED=%s STEPS=%s %s\n' "$1" "$2" "${left_out:+LEFT_OUT=$left_out}"
	[[ -z "$left_out" ]] || return
	skip=$(shrink "$1" "$2" "$failed")
	[[ -z "$skip" ]] || sed '1s/.*/shorter:/' "$work/shrunk"
	[[ -z "$skip" ]] || printf '\nrepeat: make model SEED=%s STEPS=%s LEFT_OUT=%s\n' "$1" "$2" "$skip"
}

jobs=$(nproc) done_steps=0 failed=0 begin=$SECONDS next=$seed left=$total
declare -A steps_of=() seed_of=()
finish_one() {
	local pid status=0
	wait -n -p pid "${!steps_of[@]}" || status=$?
	done_steps=$((done_steps + steps_of[$pid]))
	if [[ $status = 0 ]]; then
		cat "$work/${seed_of[$pid]}"
	else
		failed=$((failed + 1))
		report "${seed_of[$pid]}" "${steps_of[$pid]}" "$work/${seed_of[$pid]}"
	fi
	unset "steps_of[$pid]" "seed_of[$pid]"
}

printf 'seed %s\n' "$seed"
while [[ $left -gt 0 || ${#steps_of[@]} -gt 0 ]]; do
	if [[ $left -gt 0 && ${#steps_of[@]} -lt $jobs && $failed = 0 ]]; then
		n=$((left < 250 ? left : 250))
		(sequence "$next" "$n" "$left_out") >"$work/$next" 2>&1 &
		steps_of[$!]=$n seed_of[$!]=$next
		left=$((left - n)) next=$((next + 1))
	elif [[ ${#steps_of[@]} -gt 0 ]]; then
		finish_one
	else
		break
	fi
done
printf '%d steps, seeds %d to %d, %d s, %d failed\n' "$done_steps" "$seed" $((next - 1)) $((SECONDS - begin)) "$failed"
[[ $failed = 0 ]]
