#!/usr/bin/env bats
# The sandbox, and what a runtime or an administrator may withhold: descriptors, memory, the environment.
# shellcheck disable=SC2034,SC2154 # NM_WRAP is for run_natmap, and $stderr comes from it

load helpers/natmap

setup() {
	net_up
	mapfile -t argv < <(natmap_argv)
}

# status_of PID KEY: a line of its /proc/PID/status
status_of() {
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

# sandboxed INPUT STAGE: the hook, stopped by the lock that somebody else holds, has nothing but CAP_NET_ADMIN
sandboxed() {
	local key
	# shellcheck disable=SC2016 # for that shell
	spawn host sh -c 'input=$1; shift; exec "$@" <"$input"' sh "$1" "${argv[@]}" hook "$2" || return 1
	wait_for waiters 1 || return 1
	assert "$(status_of "$spawned" Seccomp)" = 2 || return 1
	assert "$(status_of "$spawned" NoNewPrivs)" = 1 || return 1
	for key in CapEff CapPrm; do
		assert "$(status_of "$spawned" "$key")" = 0000000000001000 "$key of $2" || return 1
	done
	assert "$(status_of "$spawned" CapInh)" = 0000000000000000
}

# try [rc=N] COMMAND...: like run_natmap, and remembers the command
try() {
	local options=()
	[[ "$1" != rc=* ]] || { options=("$1") && shift; }
	tried+=" $1 "
	run_natmap "${options[@]}" "$@"
}

# bare INPUT STAGE REDIRECTIONS: the hook with these descriptors; sets $status
bare() {
	status=0
	on_for 10 host sh -c "exec \"\$@\" $3" sh "${NM_WRAP[@]}" "${argv[@]}" hook "$2" <"$1" >"$NM_TMP/out" 2>"$NM_TMP/err" 3>&- || status=$?
}

# doing STATEMENT: from now on natmap does this, in C, where it would take the lock
doing() {
	cc -shared -fPIC -o "$NM_TMP/doing.so" -x c - <<-END
		#define _GNU_SOURCE
		#include <assert.h>
		#include <linux/netlink.h>
		#include <signal.h>
		#include <stdlib.h>
		#include <sys/mman.h>
		#include <sys/socket.h>
		#include <sys/syscall.h>
		#include <unistd.h>
		int flock(int fd, int operation)
		{
			(void)fd, (void)operation;
			$1;
			return 0;
		}
	END
	natmap_dynamic
	mapfile -t argv < <(natmap_argv)
	NM_WRAP=(env ASAN_OPTIONS=verify_asan_link_order=0 "LD_PRELOAD=$NM_TMP/doing.so")
}

# aborted [TEXT]: the hook ends by SIGABRT, with TEXT on stderr
aborted() {
	bare "$NM_TMP/in" createRuntime ''
	assert "$status" -eq 134 "exit status: $(<"$NM_TMP/err")"
	assert "$(<"$NM_TMP/err")" has "${1:-}"
	assert "$(<"$NM_TMP/err")" lacks 'system call'
}

# forbidden STATUS TEXT STATEMENT: the hook that does this ends with that status and TEXT on stderr
forbidden() {
	doing "$3"
	bare "$NM_TMP/in" createRuntime ''
	assert "$status" -eq "$1" "exit status of $3: $(<"$NM_TMP/err")"
	assert "$(<"$NM_TMP/err")" has "$2"
}

# through_hole PROGRAM INPUT COMMAND...: a natmap with a hole tries what it can at each phase (test/hole/hole.c). The
# table of what became of each attempt is written to the build's folder; how many are refused in each phase is told.
through_hole() {
	local program=$1 input=$2 table=$NM_BUILD/test/hole/$1.${*: -1}.table phases=(entered closed parser) phase attempts refused=""
	export NM_HOLE_DIR=$NM_TMP/hole NM_HOLE_STATE=$NM_TMP/state NM_HOLE_VICTIM
	mkdir -p "$NM_HOLE_DIR"
	: >"$NM_HOLE_DIR/file"
	NATMAP=$NM_BUILD/$program run_natmap "${@:3}" <"$input"
	if [[ $3 = hook ]]; then
		phases+=(state child)
		wait_for grep -qa '^end$' "$NM_HOLE_DIR/results"
	fi
	tr -d '\0' <"$NM_HOLE_DIR/results" >"$table"
	[[ $3 != plan ]] || sed -i $'/\twrite_state\t/d' "$table" # it has no state
	assert "$(grep OPEN "$table")" = "" "what $program ${*:3} leaves open"
	for phase in "${phases[@]}"; do
		attempts=$(grep "^$phase"$'\t' "$table" | grep -v $'\tstatus\t')
		assert "$(wc -l <<<"$attempts")" -gt 150 "attempts of $program ${*:3} in phase $phase"
		refused+=", $(grep -vc $'\tdone\t' <<<"$attempts") $phase"
	done
	printf '# of %d attempts of %s are refused%s\n' "$(wc -l <<<"$attempts")" "$program ${*:3}" "$refused" >&3
	sed -n $'s/\tstatus\t\\(.*\\)\t-$/ \\1/p' "$table" >"$NM_TMP/statuses"
}

# statuses FIRST REST PHASE...: what the phases of the run had, which is told: these capabilities in the first, in the others
statuses() {
	local now=$1 rest=$2 expected="" phase
	shift 2
	for phase; do
		expected+="$phase CapPrm:$now CapEff:$now CapInh:0000000000000000 CapAmb:0000000000000000 NoNewPrivs:1 Seccomp:2"$'\n'
		now=$rest
	done
	assert "$(<"$NM_TMP/statuses")" = "${expected%$'\n'}"
	sed 's/^/# /' "$NM_TMP/statuses" >&3
}

@test "a hook that waits for the lock has its filter and no capability but CAP_NET_ADMIN" {
	local holder publisher
	publish web 8080:80
	ctr_start other
	state other "$(ctr_pid other)" creating io.natmap.ports=9090:90 >"$NM_TMP/in"
	state web - stopped >"$NM_TMP/end"
	hold_lock
	sandboxed "$NM_TMP/in" createRuntime
	publisher=$spawned
	kill_group "$publisher"
	wait_for process_is_gone "$publisher"
	sandboxed "$NM_TMP/end" poststop
	kill_group "$holder"
	wait_for process_is_gone "$spawned"
	assert_clean
}

@test "each command gets along with its filter, whatever libc and its version call" {
	local tried="" command
	ctr_start web
	state web "$(ctr_pid web)" creating io.natmap.ports=0:80,8443:443 >"$NM_TMP/in"
	state web - stopped >"$NM_TMP/end"
	try hook createRuntime <"$NM_TMP/in"
	try plan <"$NM_TMP/in"
	try plan --format nft <"$NM_TMP/in"
	try add --pid "$(ctr_pid web)" web 0:81
	try list
	try list --json web
	try remove web 8443:443
	try check
	try doctor
	try metrics
	try reload
	try gc
	try rc=1 gc --id web
	try flush --force
	try hook poststop <"$NM_TMP/end"
	try version
	try help
	for command in $("$NATMAP" help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
		assert "$tried" has " $command " "commands that this test tries"
	done
}

@test "waiting for the lock, in vain or not, gets along with the filter" {
	local holder
	publish web 8080:80
	hold_lock
	wait_or_release() {
		if [[ $1 = 1 ]]; then publish other 9090:90; else wait_for waiters 1 && kill_group "$holder"; fi
	}
	at_once 2 wait_or_release
	config '{"lock_timeout_ms": 50}'
	hold_lock
	publish rc=1 third 7070:70
	assert "$stderr" has 'held by another process'
}

# bats test_tags=once
@test "a process that libc ends says why, and ends by SIGABRT" {
	ctr_start web
	state web "$(ctr_pid web)" creating io.natmap.ports=8080:80 >"$NM_TMP/in"
	doing 'assert(!"sound")'
	aborted Assertion
	doing 'abort()'
	aborted
}

# bats test_tags=once
@test "what natmap never does is forbidden to it" {
	ctr_start web
	state web "$(ctr_pid web)" creating io.natmap.ports=8080:80 >"$NM_TMP/in"
	# 128 + SIGSYS
	forbidden 159 '' 'socket(AF_INET, SOCK_STREAM, 0)'
	forbidden 159 '' 'syscall(SYS_socket, AF_PACKET, SOCK_RAW, 0)'
	forbidden 159 '' 'execl("/bin/true", "true", NULL)'
	forbidden 1 'system call socket' 'syscall(SYS_socket, AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT)'
	forbidden 1 'system call socket' 'syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0)'
	forbidden 1 'system call kill' 'kill(getpid(), SIGTERM)'
	# which the sanitizers' runtimes do
	[[ "${INSTRUMENTED:-0}" != 1 && "$(ldd "$NATMAP")" != *asan* ]] || return 0
	forbidden 1 'system call tgkill' 'syscall(SYS_tgkill, getpid(), getpid(), SIGTERM)'
	forbidden 1 'system call mmap' 'mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)'
}

# bats test_tags=once
@test "code that runs in natmap can do no more than natmap needs, at each phase" {
	local program
	# whose filter is another one
	[[ "${INSTRUMENTED:-0}" != 1 && "$(ldd "$NATMAP")" != *asan* ]] || return 0
	publish other 9090:90
	ctr_start web
	NM_HOLE_VICTIM=$(ctr_pid web)
	state web "$NM_HOLE_VICTIM" creating io.natmap.ports=8080:80 >"$NM_TMP/in"
	state web - stopped >"$NM_TMP/end"
	for program in natmap-hole natmap-hole-dynamic; do
		through_hole "$program" "$NM_TMP/in" hook createRuntime
		statuses 0000000000281000 0000000000001000 entered closed parser state child
		assert_rule host natmap:web:8080
		through_hole "$program" "$NM_TMP/end" hook poststop
		statuses 0000000000001000 0000000000001000 entered closed parser state child
		assert_no_rule host natmap:web:8080
	done
	through_hole natmap-hole "$NM_TMP/in" plan
	statuses 0000000000281000 0000000000001000 entered closed parser
	kill -0 "$NM_HOLE_VICTIM"
	withdraw other
	assert_clean
}

# bats test_tags=once
@test "without CAP_NET_ADMIN there is one clear line" {
	ctr_start web
	NM_WRAP=(setpriv --bounding-set=-net_admin --inh-caps=-net_admin)
	publish rc=1 web 8080:80
	assert "$stderr" has CAP_NET_ADMIN
}

# bats test_tags=once
@test "closed standard streams are harmless" {
	local closed
	ctr_start web
	state web "$(ctr_pid web)" creating io.natmap.ports=8080:80 >"$NM_TMP/in"
	state web - stopped >"$NM_TMP/end"
	for closed in '>&-' '2>&-' '>&- 2>&-' '>/dev/full 2>/dev/full'; do
		bare "$NM_TMP/in" createRuntime "$closed"
		assert "$status" -eq 0 "publish $closed: $(<"$NM_TMP/err")"
		assert "$(grep -c '"live":1' "$NM_TMP/state/state")" -eq 1 "records $closed"
		assert_rule host natmap:web:8080
		bare "$NM_TMP/end" poststop "$closed"
		assert "$status" -eq 0 "withdraw $closed: $(<"$NM_TMP/err")"
		assert_clean
	done
	for closed in '<&-' '<&- >&-' '<&- >&- 2>&-'; do
		bare "$NM_TMP/in" createRuntime "$closed"
		assert "$status" =~ '^[1-5]$' "exit status $closed"
		assert "$(head -n 1 "$NM_TMP/state/state")" has '{"natmap":2,'
	done
	assert_clean
}

# bats test_tags=once
@test "a reader that has gone away is an error line and not a signal" {
	publish web 8080:80
	# shellcheck disable=SC2016 # for that shell
	on host bash -c '"$@" list > >(exec true) 2>"$0"; echo $? >"$0.rc"' "$NM_TMP/list" "${argv[@]}" 3>&-
	assert "$(<"$NM_TMP/list.rc")" =~ '^[01]$' "exit status of list"
	NM_WRAP=(sh -c 'exec "$@" >/dev/full' sh)
	run_natmap rc=1 list
	assert "$stderr" has 'standard output'
	NM_WRAP=()
	withdraw web
	assert_clean
}

@test "too little memory is one line, or enough" {
	local kilobytes failed=0
	ctr_start web
	publish web 8080:80
	for kilobytes in 5000 5500 6000 6500 7000 8000; do
		withdraw web
		NM_WRAP=(prlimit --as=$((kilobytes * 1024)))
		# Below that the loader gives up, with a line of its own.
		if on host "${NM_WRAP[@]}" "$NATMAP" version >/dev/null 2>&1; then
			publish rc=any web 8080:80
			assert "$status" -le 1 "exit status with $kilobytes KiB"
			[[ $status = 0 ]] || failed=$((failed + 1))
		fi
		NM_WRAP=()
		[[ $(grep -c '"live":1' "$NM_TMP/state/state") = 1 ]] || assert "$(ruleset host)" !~ 'natmap:[^@]'
	done
	withdraw web
	assert_clean
}

# bats test_tags=once
@test "too few descriptors are one line, or enough" {
	local limit
	ctr_start web
	for limit in 4 5 6 7 8; do
		NM_WRAP=(prlimit "--nofile=$limit")
		publish rc=any web 8080:80
		assert "$status" -le 1 "exit status with $limit descriptors"
		NM_WRAP=()
		[[ $status = 0 ]] || assert "$(ruleset host)" !~ 'natmap:[^@]' "rules with $limit descriptors"
		publish web 8080:80
		NM_WRAP=(prlimit "--nofile=$limit")
		withdraw rc=any web
		assert "$status" -le 1 "exit status of a withdraw with $limit descriptors"
		NM_WRAP=()
		[[ $status = 1 ]] || assert "$(ruleset host)" !~ 'natmap:[^@]' "withdrawn with $limit descriptors"
		withdraw web
		assert_clean
	done
}

# bats test_tags=once
@test "the environment does not matter" {
	NM_WRAP=(env -i)
	publish web 8080:80
	NM_WRAP=(env HOME=/nonexistent PATH= TZ=:/nonexistent LANG=xx_XX MALLOC_PERTURB_=165)
	publish other 9090:90
	withdraw other
	config "{$(printf '%3900000s' '')}" # takes more than a huge page
	NM_WRAP=(env GLIBC_TUNABLES=glibc.malloc.hugetlb=1:glibc.mem.decorate_maps=1)
	publish other 9090:90
	NM_WRAP=(env GLIBC_TUNABLES=glibc.malloc.mmap_threshold=4096:glibc.malloc.trim_threshold=1)
	withdraw other
	NM_WRAP=(env -i)
	withdraw web
	NM_WRAP=()
	assert_clean
}
