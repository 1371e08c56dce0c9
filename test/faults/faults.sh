#!/bin/bash
# faults.sh [PART|SCENE...]: make faults. Kills natmap, or has it fail, at each system call of each command, with both backends.
# Each scene runs in a network of its own, beside an innocent container that is asked all the time, and several at a time, since
# half of the time they wait for the kernel.
#
# NM_BACKEND=NAME    with that backend alone
# NM_TEST_JOBS=N     so many scenes at a time; else two for each processor
# FAULTS_EVERY=N     every Nth case
# FAULTS_CASE=NAME   the one that a failure names
set -eu

# shellcheck source=test/helpers/natmap.bash
. "$(dirname "$0")/../helpers/natmap.bash"

# inject BACKEND SCENE: in a shell of its own, which cleans up at its end
inject() {
	export NM_BACKEND=$1
	trap net_down EXIT
	BATS_TEST_TMPDIR=$work/$1-$2 && mkdir "$BATS_TEST_TMPDIR"
	net_up
	config '{"policy": {"network": true}}'
	# Flows that have been answered must not fill the table, among which natmap looks for stale ones.
	on host sh -c 'cd /proc/sys/net/netfilter && echo 1 >nf_conntrack_udp_timeout && echo 1 >nf_conntrack_udp_timeout_stream &&
		echo 1 >nf_conntrack_tcp_timeout_close'
	serve ctr2 tcp 70 innocent && serve ctr2 udp 70 innocent
	truncate -s 4096 "$NM_TMP/probe"
	spawn ext "$programs/probe" "$NM_TMP/probe" 7070 192.0.2.1 fd00:99::1
	export NM_STATE_DIR=$NM_TMP/state
	on host "$programs/faults" "$NATMAP" "$NM_TMP/natmap.json" "$NM_STATE_DIR" "$NM_NS" "$NM_TMP/probe" "$2" </dev/null 3>&-
}

# finish JOB: prints what it has found
finish() {
	wait "${pid[$1]}" || failed=1
	sed "/^injected /d; s/^[a-z]/${1% *}  &/" "$work/$1.out"
}

programs=$NM_BUILD/test/faults
work=$(mktemp -d)
trap 'umount -l "$work" && rmdir "$work"' EXIT
mount -t tmpfs none "$work"
ip netns add "nm-$$" && ip netns delete "nm-$$" # the first call mounts /run/netns onto itself

declare -A pid=()
jobs=() begin=$SECONDS failed=0 printed=0
scenes=$("$programs/faults" list "$@")
[[ "$scenes" ]] || fail "no such part or scene: $*"
for scene in $scenes; do
	for backend in ${NM_BACKEND:-iptables nftables}; do
		jobs+=("$backend $scene")
	done
done
printf '%-28s %5s %6s %6s %6s | %6s %6s %6s %6s %6s | %7s\n' "" calls kills errors missed alone repeat reload gc next failed
for job in "${jobs[@]}"; do
	if [[ $(jobs -pr | wc -l) -ge ${NM_TEST_JOBS:-$((2 * $(nproc)))} ]]; then
		wait -n || :
	fi
	# shellcheck disable=SC2086 # two words
	(inject $job) >"$work/$job.out" 2>&1 &
	pid["$job"]=$!
	while ! kill -0 "${pid["${jobs[printed]}"]}" 2>/dev/null; do
		finish "${jobs[printed++]}"
	done
done
for job in "${jobs[@]:printed}"; do
	finish "$job"
done
cat "$work"/*.out | awk -v seconds=$((SECONDS - begin)) '/^network/ { kills += $3 }
	/^injected / { injected += $2; failed += $4; asked += $6; unanswered += $8; lines += $10; lost += $12 }
	END { printf "%d injected, of these %d kills of networks; %d failed; in %d s\n", injected, kills, failed, seconds
		printf "the innocent port: asked %d times, %d unanswered; its open connection: %d lines, %d lost\n",
			asked, unanswered, lines, lost }'
exit "$failed"
