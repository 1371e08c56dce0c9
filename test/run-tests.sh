#!/bin/bash
# run-tests.sh [UNIT_PROGRAM...] [-- BATS_FILE...]
#
# Runs unit programs that print TAP, then bats files (which need root) for each of the backends, several at a time: every
# test has its own network namespaces, files and processes. Shows the output of what fails, and closes with
# "N passed, N failed".
#
# The tags of a bats test tell with which backend it runs: `iptables` or `nftables`, with that one alone; `once`, when no
# backend plays a role in it, with iptables alone; without any of these, with both.
#
# NM_BACKEND=NAME   with that backend alone
# NM_TEST_LEFT_OUT=TAG
#                   without the tests of this tag
# NM_TEST_STRICT=1  a skipped test is a failure
# NM_TEST_JOBS=N    so many programs or files at a time; else two for each processor, since half of the time they wait, but
#                   not more than eight, since the kernel makes and deletes network interfaces one after the other
# NM_TEST_EMULATOR="COMMAND..."
#                   runs the unit programs, which are of another machine
# NATMAP, BUILD     the binary under test, see helpers/natmap.bash
set -u

{ : <&0; } 2>/dev/null || exec </dev/null
cd "$(dirname "$0")/.." || exit 1

PATH=$PATH:/usr/sbin:/sbin
read -ra emulator <<<"${NM_TEST_EMULATOR:-}"
jobs=${NM_TEST_JOBS:-$(($(nproc) > 4 ? 8 : 2 * $(nproc)))}
case ${NM_BACKEND:-} in
"" | iptables | nftables) ;;
*) echo "run-tests.sh: NM_BACKEND=$NM_BACKEND: expected iptables or nftables" >&2 && exit 2 ;;
esac
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-300}
export LC_ALL=C # a tenth faster than UTF-8, since most of the tests is bash
# A sanitizer's report must not look like one of natmap's own exit statuses.
export ASAN_OPTIONS=${ASAN_OPTIONS:-exitcode=99} UBSAN_OPTIONS=${UBSAN_OPTIONS:-halt_on_error=1:exitcode=99}

work=$(mktemp -d)
trap 'umount -l "$work" 2>/dev/null; rm -rf "$work"' EXIT
# In memory, as natmap's state is; on a disk, making and removing files takes a twentieth of the time.
[[ $(id -u) != 0 ]] || mount -t tmpfs none "$work" 2>/dev/null || :
export TMPDIR=$work
passed=0 failed=0 skipped=0 number=0

version() { # version COMMAND...: the first line of what it prints
	"$@" 2>/dev/null | head -n 1 || :
}

environment() {
	local tools
	tools="$(version iptables --version), $(version nft --version), $(version runc --version)"
	printf 'kernel %s, %s\n' "$(uname -r)" "${tools//version /}"
}

# A bats file and its backend are one word: FILE (BACKEND).
more=${NM_TEST_LEFT_OUT:+,!$NM_TEST_LEFT_OUT}
declare -A filter=([iptables]="!nftables$more" [nftables]="!iptables,!once$more")

# run_one WHAT OUT: runs a unit program or a bats file. Its TAP goes to OUT, its exit status to OUT.rc.
run_one() {
	local code=0 backend=${1##*[ (]}
	backend=${backend%)}
	case $1 in
	*.bats\ *) NM_BACKEND=$backend bats --tap --filter-tags "${filter[$backend]}" "${1% *}" ;;
	*) timeout -k 5 300 "${emulator[@]}" "$1" ;;
	esac </dev/null >"$2" 2>&1 || code=$?
	echo "$code" >"$2.rc"
}

# count OUT PATTERN: how many lines of its TAP match
count() {
	grep -cE "$2" "$1"
}

# runs_with FILE BACKEND: fails when the file's own tags leave all of it out
runs_with() {
	local tags tag
	tags=$(sed -n 's/^# bats file_tags=//p' "$1")
	for tag in ${tags//,/ }; do
		[[ ",${filter[$2]}," != *",!$tag,"* ]] || return 1
	done
}

# report WHAT OUT: adds its tests to the sums; one line when all is well, else what failed with its output
report() {
	local code bad ran skips planned
	code=$(<"$2.rc")
	bad=$(count "$2" '^not ok ')
	skips=$(count "$2" '^ok .*# (skip|SKIP)')
	ran=$(count "$2" '^(not )?ok ')
	planned=$(sed -n 's/^1\.\.\([0-9][0-9]*\).*/\1/p' "$2" | head -n 1)
	passed=$((passed + ran - bad - skips))
	failed=$((failed + bad))
	skipped=$((skipped + skips))
	if [[ $bad = 0 && ($code != 0 || $ran = 0 || "$ran" != "$planned") ]]; then
		failed=$((failed + 1))
		printf 'FAIL %s: exit status %s, %s of %s tests ran\n' "$1" "$code" "$ran" "${planned:-?}"
		tail -n 50 "$2"
	elif [[ $bad != 0 ]]; then
		printf 'FAIL %s: %s of %s\n' "$1" "$bad" "$ran"
		failures "$1" "$2"
	else
		printf 'ok   %s: %s%s\n' "$1" "$((ran - skips))" "$([[ $skips = 0 ]] || echo ", $skips skipped")"
	fi
	grep -E '^ok .*# (skip|SKIP)' "$2" | sed 's/^ok [0-9]*/     skipped:/'
}

# failures WHAT OUT: of a bats file the failed tests with their output, which follows them; of a unit program, which may
# print it before, all but the passed tests
failures() {
	case $1 in
	*.bats\ *) awk '/^ok /{show = 0; next} /^not ok /{show = 1} show || !/^(#|1\.\.)/' "$2" ;;
	*) grep -vE '^(ok |1\.\.)' "$2" ;;
	esac
}

# run_all WHAT...: runs them, $jobs at a time, and reports each when it ends
run_all() {
	local file out done_pid
	declare -A name=() result=()
	for file; do
		if [[ ${#name[@]} -ge $jobs ]]; then
			wait -n -p done_pid "${!name[@]}"
			report "${name[$done_pid]}" "${result[$done_pid]}"
			unset "name[$done_pid]" "result[$done_pid]"
		fi
		number=$((number + 1))
		out=$work/$number
		run_one "$file" "$out" &
		name[$!]=$file result[$!]=$out
	done
	while [[ ${#name[@]} -gt 0 ]]; do
		wait -n -p done_pid "${!name[@]}"
		report "${name[$done_pid]}" "${result[$done_pid]}"
		unset "name[$done_pid]" "result[$done_pid]"
	done
}

units=()
while [[ $# -gt 0 && "$1" != -- ]]; do
	units+=("$1")
	shift
done
shift $(($# > 0))

environment
run_all "${units[@]}"
if [[ $# -gt 0 && $(id -u) != 0 ]]; then
	echo "The bats files need root: left out $# of $#"
elif [[ $# -gt 0 ]]; then
	# The first call of ip mounts /run/netns onto itself: what other tests have mounted there would then be there twice.
	ip netns add "nm-$$" && ip netns delete "nm-$$"
	# the largest first, so that none of them is left for the end, when nothing runs beside it
	mapfile -t files < <(ls -S "$@")
	runs=()
	for file in "${files[@]}"; do
		for backend in ${NM_BACKEND:-iptables nftables}; do
			! runs_with "$file" "$backend" || runs+=("$file ($backend)")
		done
	done
	run_all "${runs[@]}"
fi

if [[ ${NM_TEST_STRICT:-0} = 1 ]]; then
	failed=$((failed + skipped)) skipped=0
fi
summary="$passed passed, $failed failed"
[[ $skipped = 0 ]] || summary+=", $skipped skipped"
echo "$summary"
[[ $failed = 0 && $passed -gt 0 ]]
