# shellcheck shell=bash
# Everything a test needs: load this one, and runc.bash for real containers, syslog.bash for messages to syslog.
#
# NATMAP names the binary under test (default: $BUILD/natmap, BUILD as in the Makefile).

PATH=$PATH:/usr/sbin:/sbin
NM_TREE=${BATS_TEST_DIRNAME:+${BATS_TEST_DIRNAME%/test*}} # which bats has found already
NM_TREE=${NM_TREE:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
# shellcheck source=test/helpers/assert.bash
. "$NM_TREE/test/helpers/assert.bash"
# shellcheck source=test/helpers/net.bash
. "$NM_TREE/test/helpers/net.bash"
# shellcheck source=test/helpers/traffic.bash
. "$NM_TREE/test/helpers/traffic.bash"
# shellcheck source=test/helpers/matrix.bash
. "$NM_TREE/test/helpers/matrix.bash"

# setup, teardown: of each test whose file has none of its own
setup() {
	net_up
}

teardown() {
	net_down
}

NM_BUILD=${BUILD:-build}
[[ "$NM_BUILD" == /* ]] || NM_BUILD=$NM_TREE/$NM_BUILD
NATMAP=${NATMAP:-$NM_BUILD/natmap}
export NATMAP

# natmap_dynamic: from now on natmap is the program that is linked dynamically, for LD_PRELOAD
natmap_dynamic() {
	[[ ! -x "$NATMAP-dynamic" ]] || NATMAP=$NATMAP-dynamic
}
NM_PROGRAMS=$NM_BUILD/test/helpers
NM_WRAP=()
NM_ARGV=() # where not empty, the command line before natmap's own arguments

# config TEXT: what natmap's configuration file holds from now on. Without it the file is an empty object: the defaults.
# It changes at once: those who start at the same time must not read it half written.
# NM_BACKEND=nftables in the environment puts that backend first into each object that names none.
config() {
	local text=$1 rest=${1#"{"} comma=,
	if in_nftables && [[ "$text" = "{"* && "$text" != *'"backend"'* ]]; then
		[[ ! "$rest" =~ ^[[:space:]]*"}" ]] || comma=""
		text="{\"backend\": \"nftables\"$comma$rest"
	fi
	if [[ ! -e "$NM_TMP/natmap.json" ]]; then # net_up, when nothing else runs yet
		printf '%s\n' "$text" >"$NM_TMP/natmap.json"
		return
	fi
	(umask 077 && printf '%s\n' "$text" >"$NM_TMP/config.$BASHPID" && exec mv -fT "$NM_TMP/config.$BASHPID" "$NM_TMP/natmap.json")
}

# in_nftables: the tests run with that backend
in_nftables() {
	[[ "${NM_BACKEND:-iptables}" = nftables ]]
}

# leads_to ADDRESS PORT, guards INTERFACE: what a line of `rules` says of a mapping's target, or of the interface that a
# guard of 127.0.0.0/8 is for
leads_to() {
	if in_nftables; then
		printf ': %s . %s' "$1" "$2"
	else
		[[ "$1" != *:* ]] || set -- "[$1]" "$2"
		printf -- '--to-destination %s:%s' "$1" "$2"
	fi
}

guards() {
	if in_nftables; then
		printf 'natmap:@localnet/%s' "$1"
	else
		printf -- '-A PREROUTING -d 127.0.0.0/8 -i %s ' "$1"
	fi
}

# masquerades [NETWORK/LEN] CONTAINER: what a line of `rules` says of the clients of a mapping that are masqueraded
masquerades() {
	local network="" whole=32
	[[ $# -eq 1 ]] || { network=$1 && shift; }
	[[ "$1" != *:* ]] || whole=128
	if in_nftables; then
		printf '%s . %s . ' "${network%/*}" "$1"
	else
		printf -- '-A POSTROUTING %s-d %s/%s -p' "${network:+-s $network }" "$1" "$whole"
	fi
}

# in_locks FILE: the file as /proc/locks names it; the inode's number alone may be another file's in another run's folder
in_locks() {
	local major minor inode
	read -r major minor inode < <(stat -c '%Hd %Ld %i' "$1")
	printf '%02x:%02x:%s' "$major" "$minor" "$inode"
}

# hold_lock: another process takes the lock, and keeps it until `kill_group "$holder"`
hold_lock() {
	spawn host flock "$NM_TMP/state/lock" sleep 600
	# shellcheck disable=SC2034 # for the caller
	holder=$spawned
	wait_for lock_is_held
}

lock_is_held() {
	refute flock -n "$NM_TMP/state/lock" true
}

# waiters N: so many processes wait for the lock
waiters() {
	[[ $(grep -cE -- "-> FLOCK .* $(in_locks "$NM_TMP/state/lock") " /proc/locks) -eq $1 ]]
}

# state_dir: the test's own state directory
state_dir() {
	printf '%s' "$NM_TMP/state"
}

# assert_no_state: nothing has been recorded. The directory may be there: a hook makes it before it knows what the state asks for.
assert_no_state() {
	assert "$(ls -A "$(state_dir)" 2>/dev/null)" = "" "files of the state"
}

# undisturbed COMMAND...: the command changes neither the host nor the state
undisturbed() {
	local before state_before
	before=$(snapshot host)
	state_before=$(cat "$(state_dir)/state" 2>/dev/null || :)
	"$@" || return 1
	same "the host, by $*" "$before" "$(snapshot host)" && same "the state, by $*" "$state_before" "$(cat "$(state_dir)/state" 2>/dev/null || :)"
}

# read_only_settings: from now on natmap cannot write below /proc/sys
read_only_settings() {
	# shellcheck disable=SC2016 # "$@" belongs to that shell
	NM_WRAP=(unshare -m --propagation private sh -c '
		mount --bind /proc/sys /proc/sys && mount -o remount,ro,bind /proc/sys && exec "$@"' sh)
}

# live_ids: the ids of the live records, in the order of the state file
live_ids() {
	sed -n 's/^{"live":1,.*"id":"\([^"]*\)".*/\1/p' "$NM_TMP/state/state" | xargs
}

# packets_after TEXT: the packets that are counted in each object that has TEXT, or follows it, in $output of `list --json`.
# Instead of jq, which takes 45 ms to start.
# shellcheck disable=SC2154 # $output comes from run_natmap
packets_after() {
	local rest=$output
	while [[ "$rest" == *"$1"* ]]; do
		rest=${rest#*"$1"}
		[[ ! "$rest" =~ ^[^}]*'"packets":'([0-9]+) ]] || echo "${BASH_REMATCH[1]}"
	done
}

# natmap_argv: the command line up to the command, one word a line
natmap_argv() {
	[[ -e "$NM_TMP/natmap.json" ]] || config '{}'
	printf '%s\n' "$NATMAP" --config "$NM_TMP/natmap.json" --state-dir "$NM_TMP/state"
}

# run_natmap [rc=N|any] [in=NODE] [timeout=SECONDS] ARGUMENT...: runs natmap on the host (or NODE) with the caller's stdin.
# NM_WRAP=(COMMAND...) goes before the binary: a debugger, prlimit, ...
# Sets $status, $output (its stdout) and $stderr. Fails unless the exit status is N (0), and when what every
# invocation owes is missing: a failure is exactly one line that begins with "natmap: ", a success says nothing on stderr.
run_natmap() {
	local rc=0 in=host timeout=30 files="$NM_TMP/run.$BASHPID"
	while [[ "${1:-}" =~ ^(rc|in|timeout)= ]]; do
		local "$1"
		shift
	done
	[[ -e "$NM_TMP/natmap.json" ]] || config '{}'
	status=0
	# the command line of natmap_argv, which would take a process
	local argv=("$NATMAP" --config "$NM_TMP/natmap.json" --state-dir "$NM_TMP/state")
	[[ ${#NM_ARGV[@]} = 0 ]] || argv=("${NM_ARGV[@]}")
	on_for "$timeout" "$in" "${NM_WRAP[@]}" "${argv[@]}" "$@" >"$files.out" 2>"$files.err" 3>&- || status=$?
	slurp output "$files.out"
	slurp stderr "$files.err"
	printf '%s$ natmap %s\n' "$in" "$*"
	printf '%s' "${output:+$output$'\n'}" "${stderr:+stderr: $stderr$'\n'}"
	[[ $status != 124 ]] || fail "natmap $*: still running after $timeout s" || return 1
	[[ "$rc" = any ]] || assert "$status" -eq "$rc" "exit status of natmap $*" || return 1
	check_stderr "$*"
}

# check_stderr ARGUMENTS: what run_natmap says every invocation owes. -v adds lines; `check` reports differences (3) on stdout.
check_stderr() {
	assert "$stderr" !~ 'Sanitizer|runtime error:' "a sanitizer's report" || return 1
	[[ " $1 " != *" -v "* && $status != 3 ]] || return 0
	if [[ $status = 0 ]]; then
		assert "$stderr" = "" "stderr of a success"
	else
		assert "$stderr" =~ ^'natmap: '[^$'\n']+$ "stderr is one line that begins with 'natmap: '"
	fi
}

# state ID PID STATUS [bundle=DIR] [KEY=VALUE...]: an OCI state; the KEYs are annotations; PID - leaves the pid out
state() {
	local id=$1 pid=$2 now=$3 bundle=/bundle/$1 annotations="" arg key value
	shift 3
	for arg; do
		if [[ "$arg" = bundle=* ]]; then
			bundle=${arg#*=}
			continue
		fi
		json_string key "${arg%%=*}"
		json_string value "${arg#*=}"
		annotations+="${annotations:+,}$key:$value"
	done
	json_string id "$id"
	json_string now "$now"
	json_string bundle "$bundle"
	pid="\"pid\":$pid,"
	[[ "$pid" != *:-, ]] || pid=""
	printf '{"ociVersion":"1.0.2","id":%s,"status":%s,%s"bundle":%s,"annotations":{%s}}\n' "$id" "$now" "$pid" "$bundle" "$annotations"
}

# json_string NAME TEXT: sets the variable NAME to TEXT in quotes, with what JSON wants escaped
json_string() {
	local s=${2//\\/\\\\}
	s=${s//\"/\\\"}
	s=${s//$'\n'/\\n}
	s=${s//$'\t'/\\t}
	printf -v "$1" '"%s"' "$s"
}

# publish [rc=N] [in=NODE] [stage=STAGE] ID [PORTS...] [KEY=VALUE...]: natmap's hook at the creation of container ID.
# Its process is the one of ctr_start ID, else a new one in ctr. KEY is pid, status, bundle, or the end of io.natmap.KEY.
publish() {
	local options=() stage=createRuntime
	while [[ "$1" =~ ^(rc|in|timeout|stage)= ]]; do
		case $1 in
		stage=*) stage=${1#*=} ;;
		*) options+=("$1") ;;
		esac
		shift
	done
	local id=$1 pid="" status_text=creating ports="" annotations=() arg
	shift
	for arg; do
		case $arg in
		pid=*) pid=${arg#*=} ;;
		status=*) status_text=${arg#*=} ;;
		bundle=*) annotations+=("$arg") ;;
		*=*) annotations+=("io.natmap.$arg") ;;
		*) ports+="${ports:+,}$arg" ;;
		esac
	done
	if [[ -z "$pid" ]]; then
		[[ -e "$NM_TMP/ctr-$id" ]] || ctr_start "$id" >/dev/null || return 1
		slurp pid "$NM_TMP/ctr-$id"
	fi
	state "$id" "$pid" "$status_text" ${ports:+"io.natmap.ports=$ports"} "${annotations[@]}" >"$NM_TMP/stdin.$BASHPID"
	slurp arg "$NM_TMP/stdin.$BASHPID"
	printf 'stdin: %s\n' "$arg"
	run_natmap "${options[@]}" hook "$stage" <"$NM_TMP/stdin.$BASHPID"
}

# withdraw [rc=N] [in=NODE] ID [bundle=DIR]: natmap's hook after the end of container ID
withdraw() {
	local options=()
	while [[ "$1" =~ ^(rc|in|timeout)= ]]; do
		options+=("$1")
		shift
	done
	state "$1" - stopped "${@:2}" >"$NM_TMP/stdin.$BASHPID"
	run_natmap "${options[@]}" hook poststop <"$NM_TMP/stdin.$BASHPID"
}

# tags NODE: the comments of natmap's rules and elements there, each once
tags() {
	"$NM_PROGRAMS/tags" "/run/netns/$NM_NS-$1"
}

# lines_of NODE TEXT: sets $found to what `rules NODE` prints, or to `tags NODE` when TEXT is the begin of a comment
lines_of() {
	if [[ "$2" = natmap:* ]]; then
		found=$(tags "$1")
	else
		found=$(rules "$1")
	fi
}

# assert_rule NODE TEXT: a rule or element there contains TEXT; assert_no_rule: none does
assert_rule() {
	local found
	lines_of "$1" "$2" && assert "$found" has "$2" "rules on $1"
}

assert_no_rule() {
	local found
	lines_of "$1" "$2" || return 1
	[[ "$found" == *"$2"* ]] || return 0
	fail "rules on $1 that must not be there ($2):" "$(grep -F -- "$2" <<<"$found")"
}

# assert_clean: no container's rule or mapping is left on the host, in either backend, and no natmap runs
assert_clean() {
	assert "$(tags host)" !~ 'natmap:([^@]|@localnet)' "rules on host" || return 1
	wait_for natmap_is_idle || fail "natmap still runs on the host" || return 1
	run_natmap list --json
	assert "$output" =~ '^\{"containers":\[\],' "natmap list"
}

natmap_is_idle() {
	local exe
	for exe in /proc/[0-9]*/exe; do
		[[ ! "$exe" -ef "$NATMAP" || ! "${exe%exe}ns/net" -ef "/run/netns/$NM_NS-host" ]] || return 1
	done
}
