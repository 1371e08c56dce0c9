# shellcheck shell=bash
# Checks that say what they expected and what they got, and polling instead of sleeping.

# fail TEXT...: ends the test with these lines, and who called
fail() {
	local i
	printf '%s\n' "$@" >&2
	for ((i = 1; i < ${#FUNCNAME[@]}; i++)); do
		[[ "${FUNCNAME[i]}" != "${BATS_TEST_NAME:-}" && "${FUNCNAME[i]}" != bats_* ]] || break
		printf 'called by %s, %s line %s\n' "${FUNCNAME[i]}" "${BASH_SOURCE[i]##*/}" "${BASH_LINENO[i - 1]}" >&2
	done
	return 1
}

# assert ACTUAL OP EXPECTED [WHAT]
# OP: = != (text), =~ !~ (extended regular expression), has lacks (fixed substring), -eq -ne -lt -le -gt -ge (numbers)
assert() {
	local actual=$1 op=$2 expected=$3 what=${4:-} ok=0
	case $op in
	=) [[ "$actual" == "$expected" ]] || ok=1 ;;
	!=) [[ "$actual" != "$expected" ]] || ok=1 ;;
	=~) [[ "$actual" =~ $expected ]] || ok=1 ;;
	!~) [[ ! "$actual" =~ $expected ]] || ok=1 ;;
	has) [[ "$actual" == *"$expected"* ]] || ok=1 ;;
	lacks) [[ "$actual" != *"$expected"* ]] || ok=1 ;;
	-eq | -ne | -lt | -le | -gt | -ge) test "$actual" "$op" "$expected" || ok=1 ;;
	*) fail "assert: unknown operator '$op'" || return 1 ;;
	esac
	[[ $ok = 0 ]] || fail "assertion failed${what:+: $what}" "expected ($op): $expected" "actual:       $actual"
}

# refute COMMAND...: the command must fail (`! command` does not fail a bats test)
refute() {
	local got
	if got=$("$@" 2>&1); then
		fail "must fail, but did not: $*" "$got"
	fi
}

# wait_for [-t SECONDS] COMMAND...: polls until the command succeeds, 20 seconds at most, for machines that are slow or busy
wait_for() {
	local limit=20 end pause=0.002
	if [[ $1 = -t ]]; then
		limit=$2
		shift 2
	fi
	end=$((${EPOCHREALTIME/./} + limit * 1000000))
	until "$@" >/dev/null 2>&1; do
		[[ ${EPOCHREALTIME/./} -lt $end ]] || fail "waited $limit s in vain for: $*" || return 1
		pause_for "$pause"
		pause=0.01
	done
}

# pause_for SECONDS: a sleep without a process, by reading from where nothing comes
pause_for() {
	[[ -n "${NM_SILENCE:-}" ]] || exec {NM_SILENCE}<> <(:)
	read -r -t "$1" -u "$NM_SILENCE" || :
}

# slurp NAME FILE: sets the variable NAME to what is in the file, like $(<FILE) without a process
slurp() {
	local slurped
	if IFS= read -r -d '' slurped <"$2"; then # which has a NUL
		slurped=$(<"$2")
	fi 2>/dev/null
	while [[ "$slurped" == *$'\n' ]]; do
		slurped=${slurped%$'\n'}
	done
	printf -v "$1" %s "$slurped"
}

# same WHAT BEFORE AFTER: fails when the two texts differ, and shows how
same() {
	local what=$1
	[[ "$2" != "$3" ]] || return 0
	diff -u --label before --label after <(printf '%s\n' "$2") <(printf '%s\n' "$3") || fail "changed: $what"
}

# at_once N COMMAND...: runs COMMAND... 1, COMMAND... 2 up to N at the same time; fails when one fails, with the output
# of those. (A bare `wait` would wait for bats' own timeout, too.)
at_once() {
	local n=$1 i pids=() bad=0 dir
	shift
	dir=$(mktemp -d "$NM_TMP/at_once.XXXXXX") || return 1
	for ((i = 1; i <= n; i++)); do
		"$@" "$i" >"$dir/$i" 2>&1 3>&- &
		pids+=($!)
	done
	for ((i = 1; i <= n; i++)); do
		wait "${pids[i - 1]}" || {
			bad=$((bad + 1))
			printf 'at once: %s %s failed:\n%s\n' "$*" "$i" "$(<"$dir/$i")"
		}
	done
	[[ $bad = 0 ]] || fail "$bad of $n failed"
}
