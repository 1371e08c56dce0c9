#!/usr/bin/env bats
# Many hooks at once, other writers beside them, and the lock.
# shellcheck disable=SC2034,SC2154 # NM_WRAP is for run_natmap, and $stderr comes from it

load helpers/natmap
load helpers/recovery

@test "two hundred hooks at once, for ports of their own or that many want, beside all commands and other tools: soak.pl" {
	NM_PROGRAMS=$NM_PROGRAMS on host perl "$NM_TREE/test/soak/soak.pl" 0 "${NM_BACKEND:-iptables}" 200 20
}

# race N: every other one publishes, the others withdraw the same container
race() {
	if [[ $(($1 % 2)) = 0 ]]; then
		withdraw web
	else
		publish web 8080:80 pid="$(ctr_pid web)"
	fi
}

@test "publish and withdraw of one container at once leave kernel and state in agreement" {
	ctr_start web
	local round
	for round in {1..4}; do
		at_once 12 race
		assert "$(tagged)" = "$(live)" "round $round"
	done
	withdraw web
	assert_clean
}

# bats test_tags=once
@test "a lock that somebody holds is waited for as long as configured, also when the runtime blocks all signals" {
	local begin took block
	publish web 8080:80
	config '{"lock_timeout_ms": 400}'
	hold_lock
	for block in '' --block-signal; do
		NM_WRAP=(env ${block:+"$block"})
		begin=${EPOCHREALTIME/./}
		publish rc=1 other 9090:90
		took=$(((${EPOCHREALTIME/./} - begin) / 1000))
		assert "$stderr" = "natmap: container 'other': locking '$NM_TMP/state/lock': held by another process for more than 400 ms"
		assert "$took" -ge 400 "milliseconds"
		assert "$took" -lt 4000 "milliseconds, the default is 5000"
	done
	NM_WRAP=()
	assert "$(tagged)" = web
	kill_group "$holder"
	wait_for flock -n "$NM_TMP/state/lock" true
	withdraw web
	assert_clean
}

# bats test_tags=once
@test "commands, too, wait for the lock as long as configured, where they read the configuration" {
	local command
	publish web 8080:80
	config '{"lock_timeout_ms": 100}'
	hold_lock
	for command in list 'list web' metrics check reload 'add web 9090:90' 'remove web 8080:80' 'remove web'; do
		# shellcheck disable=SC2086 # words
		run_natmap rc=1 $command
		assert "$stderr" has "'$NM_TMP/state/lock': held by another process for more than 100 ms" "$command"
	done
	assert "$(tagged)" = web
}

# bats test_tags=once
@test "the hook after the end and gc wait for the lock longer than a hook before the start, whatever is configured" {
	ctr_start gone ctr2
	publish web 8080:80
	publish gone 8081:80
	ctr_stop gone
	config '{"lock_timeout_ms": 1}'
	hold_lock
	wait_longer() {
		case $1 in
		1) withdraw web ;;
		2) run_natmap timeout=20 gc ;;
		3) pause_for 5.3 && kill_group "$holder" ;;
		esac
	}
	at_once 3 wait_longer
	assert_clean
}

# bats test_tags=once
@test "the lock is waited for, and taken as soon as it is free; its file stays the same" {
	local inode
	publish web 8080:80
	inode=$(stat -c %i "$NM_TMP/state/lock")
	hold_lock
	release() {
		if [[ $1 = 1 ]]; then
			wait_for waiters 1
			kill_group "$holder"
		else
			withdraw web
		fi
	}
	at_once 2 release
	assert "$(stat -c %i "$NM_TMP/state/lock")" = "$inode"
	assert_clean
}

# bats test_tags=once
@test "readers do not keep each other waiting" {
	publish web 8080:80
	spawn host flock -s "$NM_TMP/state/lock" sleep 600
	wait_for lock_is_held
	run_natmap timeout=2 list
	assert "$output" has web
}

# bats test_tags=once
@test "who reads a hook's output to its end does not wait, and the process that stays behind is soon gone" {
	local argv
	publish web 8080:80
	state web - stopped >"$NM_TMP/in"
	mapfile -t argv < <(natmap_argv)
	# perl inherits orphans (prctl, where its number is known). It tells the hook's exit status, and whether the pipe was closed
	# by then; and ends when all have.
	# shellcheck disable=SC2016 # perl's variables
	on_for 20 host perl -MFcntl -e '
		my $nr = {x86_64 => 157, aarch64 => 167}->{shift()}; syscall $nr, 36, 1, 0, 0, 0 if $nr;
		pipe my $r, my $w; my $pid = fork;
		if (!$pid) { open STDIN, "<", shift; open STDOUT, ">&", $w; open STDERR, ">&", $w; close $r; exec @ARGV; }
		close $w; waitpid $pid, 0; my $status = $?;
		fcntl $r, F_SETFL, O_NONBLOCK; my ($n, $buf); 1 while $n = sysread $r, $buf, 100;
		1 while wait > 0; print "$status ", defined $n ? "closed" : "open", "\n";
		' "$(uname -m)" "$NM_TMP/in" "${argv[@]}" hook >"$NM_TMP/told" 3>&-
	assert "$(<"$NM_TMP/told")" = '0 closed' "exit status, and the end of the output"
	flock -n "$NM_TMP/state/lock" true
	assert_clean
}

# bats test_tags=once
@test "what several hooks leave behind closes its sockets at one moment" {
	local NM_WRAP=(strace -qq -f -e "trace=/^clock_nanosleep" -o "$NM_TMP/trace")
	[[ "${INSTRUMENTED:-0}" != 1 && "$(ldd "$NATMAP")" != *asan* ]] || return 0 # leaves nothing behind
	strace -o /dev/null true || skip "strace does not work here"
	publish web 8080:80
	grep -E 'clock_nanosleep(_time64)?\(CLOCK_MONOTONIC, TIMER_ABSTIME, \{tv_sec=[0-9]+, tv_nsec=([1-9]00000000|0)\}' "$NM_TMP/trace"
}
