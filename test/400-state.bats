#!/usr/bin/env bats
# The state file: who may touch it, what is damaged, a full disk, its size.
# shellcheck disable=SC2154 # $stderr comes from run_natmap
# bats file_tags=once

load helpers/natmap

setup() {
	net_up
	state=$NM_TMP/state/state
}

teardown() {
	if mountpoint -q "$NM_TMP/state"; then
		umount "$NM_TMP/state"
	fi
	net_down
}

# canonical: every line is JSON, written as natmap writes it: members in its order, no blanks
canonical() {
	same "form of the state" "$(jq -c . "$state")" "$(<"$state")"
}

# refused TEXT: publish, withdraw and list fail with TEXT, which nobody has caused meanwhile
refused() {
	publish rc=1 new 9090:90 && assert "$stderr" has "$1" && assert "$stderr" lacks meanwhile &&
		withdraw rc=1 web && assert "$stderr" has "$1" && assert "$stderr" lacks meanwhile &&
		run_natmap rc=1 list && assert "$stderr" has "$1"
}

# small_disk: the state directory on a disk of some kilobytes
small_disk() {
	mkdir "$NM_TMP/state"
	mount -t tmpfs -o size=64k,mode=0700 tmpfs "$NM_TMP/state"
}

# fill_disk: no byte is left there. Twice, because the first write may end at the last page.
fill_disk() {
	refute dd if=/dev/zero of="$NM_TMP/state/filler" bs=1k
	refute dd if=/dev/zero of="$NM_TMP/state/filler2" bs=1k count=1
}

@test "the directory is 0700, the files are 0600, whatever the umask" {
	umask 0
	publish web 8080:80
	assert "$(stat -c %a "$NM_TMP/state" "$state" "$NM_TMP/state/lock" | xargs)" = '700 600 600'
	canonical
	assert "$(live_ids)" = web
}

@test "a first hook under an umask that takes the owner's rights locks nobody out" {
	local mask
	for mask in 0177 0777; do
		local NM_WRAP=(sh -c "umask $mask"' && exec "$@"' sh)
		publish web 8080:80
		NM_WRAP=()
		publish other 9090:90
		assert "$(stat -c %a "$NM_TMP/state" "$state" "$NM_TMP/state/lock" | xargs)" = '700 600 600'
		withdraw web
		withdraw other
		rm -r "$NM_TMP/state"
	done
}

@test "no symbolic link is followed" {
	mkdir -m 0700 "$NM_TMP/real"
	ln -s real "$NM_TMP/state"
	refused "'$NM_TMP/state'"
	rm "$NM_TMP/state"
	publish web 8080:80
	local name
	for name in lock state; do
		mv "$NM_TMP/state/$name" "$NM_TMP/real/$name"
		ln -s "$NM_TMP/real/$name" "$NM_TMP/state/$name"
		refused "$NM_TMP/state/$name'"
		mv "$NM_TMP/real/$name" "$NM_TMP/state/$name"
	done
	assert "$(ls -A "$NM_TMP/real")" = ""
	withdraw web
	assert_clean
}

@test "a directory or state file that others can write to is refused" {
	publish web 8080:80
	chmod g+w "$NM_TMP/state"
	refused "'$NM_TMP/state': not one that only its user can write to"
	chmod 0700 "$NM_TMP/state"
	chmod o+w "$state"
	refused "'$state': not a file"
	chmod 0600 "$state"
	chown 1 "$NM_TMP/state"
	publish rc=1 new 9090:90
	chown 0 "$NM_TMP/state"
	mv "$state" "$state.old"
	mkfifo -m 0600 "$state"
	refused "'$state': not a file"
	mv "$state.old" "$state"
	withdraw web
	assert_clean
}

@test "the state of another boot is taken as empty" {
	ctr_start other ctr2
	publish web 8080:80
	sed -i '1s/"boot":"[^"]*"/"boot":"00000000-0000-0000-0000-000000000000"/' "$state"
	run_natmap list
	assert "$output" = ""
	withdraw web
	publish other 8080:80
	assert "$(live_ids)" = other
	canonical
}

@test "the state of another network namespace is refused, naming --state-dir" {
	config '{"policy": {"address": ["10.88.7.2", "fd00:7::2"]}}'
	publish web 8080:80
	publish rc=1 in=ext web 8080:80
	assert "$stderr" has --state-dir
	withdraw rc=1 in=ext web
	run_natmap rc=1 in=ext list
	assert "$stderr" has --state-dir
}

@test "in another pid namespace nobody counts as gone, but publish and withdraw work" {
	ctr_start other ctr2
	publish web 8080:80
	sed -i '1s/"pidns":"[^"]*"/"pidns":"4:1"/' "$state"
	ctr_stop web
	publish rc=4 other 8080:80
	publish other 9090:90
	assert "$(jq -r 'select(.id == "other") | has("pid")' "$state")" = false "other's record has a pid"
	withdraw other
	withdraw web
	assert_clean
}

@test "a newer format, of the state or of the configuration, and a damaged header are refused" {
	local before
	publish web 8080:80
	cp "$state" "$NM_TMP/good"
	before=$(snapshot host && cat "$state")
	config '{"version": 2, "new": true}'
	publish rc=2 new 9090:90
	assert "$stderr" has 'version: 2 is newer than this natmap'
	run_natmap rc=2 reload
	same "rules and state, of a newer configuration" "$before" "$(snapshot host && cat "$state")"
	config '{}'
	sed -i '1s/.*/{"natmap":3,"new":true}/' "$state"
	before=$(snapshot host && cat "$state")
	refused 'format 3 is newer'
	run_natmap rc=1 reload
	run_natmap rc=1 flush --force
	run_natmap rc=1 gc
	same "rules and state" "$before" "$(snapshot host && cat "$state")"
	sed -i '1s/.*/{"natmap":1,"boot":5}/' "$state"
	refused 'first line is damaged'
	: >"$state"
	refused 'first line is damaged'
	cat "$NM_TMP/good" >"$state"
	withdraw web
	assert_clean
}

# recorded FILE: it, with boot, namespaces and processes of the state that is there
recorded() {
	local line from key keys
	while read -r line; do
		keys="pid start netns" from=""
		if [[ "$line" =~ \"id\":(\"[a-z]*\") ]]; then
			from=$(grep "\"id\":${BASH_REMATCH[1]}" "$state") || :
		else
			keys="boot netns pidns" from=$(head -n 1 "$state")
		fi
		for key in $keys; do
			[[ "$from" =~ \"$key\":(\"[^\"]*\"|[0-9]+) ]] || continue
			from=${from/"${BASH_REMATCH[0]}"/} key=${BASH_REMATCH[0]}
			[[ "$line" =~ ${key%%:*}:(\"[^\"]*\"|[0-9]+) ]]
			line=${line/"${BASH_REMATCH[0]}"/"$key"}
		done
		printf '%s\n' "$line"
	done <"$1"
}

@test "a file of format 1, recorded from a build of 0.1.0, is read by all, and converted by who writes" {
	ctr_start other ctr2
	publish web 8080:80
	publish other 8180:80
	recorded "$NM_TREE/test/helpers/state-format-1" >"$NM_TMP/recorded"
	withdraw web
	withdraw other
	cat "$NM_TMP/recorded" >"$state"
	run_natmap list
	assert "$output" has 192.0.2.1:8081
	same "what list reads" "$(<"$NM_TMP/recorded")" "$(<"$state")"
	publish rc=4 third 9005:80
	assert "$(head -n 1 "$state")" has '{"natmap":2,'
	assert "$(live_ids)" = 'web other'
	canonical
	run_natmap reload
	run_natmap check
	assert_rule host natmap:web:9000-9009
	assert_rule host natmap:other:8180
	withdraw web
	withdraw other
	assert_clean
}

@test "a torn last line is passed over and overwritten, a damaged one between others passed over" {
	publish web 8080:80
	printf '{"live":1,"id":"torn","pid":12,"ports":["9090:9' >>"$state"
	run_natmap list
	assert "$output" has web
	assert "$output" lacks torn
	publish other 7070:70
	canonical
	printf '{"live":1,"id":"tor' >>"$state"
	withdraw other
	assert "$(sed '$d' "$state" | jq -r 'select(.live == 1) | .id')" = web
	printf '\nnot from us\n{"live":1,"id":"odd","ports":7}\n{"live":1}\n' >>"$state"
	run_natmap list
	assert "$output" has web
	publish other 7070:70
	withdraw other
	withdraw web
	assert "$(ruleset host)" !~ 'natmap:[^@]'
}

@test "on a full disk publish fails without a trace, and withdraw works" {
	small_disk
	publish web 8080:80
	fill_disk
	local rules_before
	rules_before=$(snapshot host)
	publish one 9001:90 # the page that holds the end of the file takes some records still
	publish rc=1 two 9002:90 "bundle=/$(printf '%04090d' 0)"
	assert "$stderr" has 'No space left on device'
	withdraw one
	same rules "$rules_before" "$(snapshot host)"
	canonical
	assert "$(live_ids)" = web
	withdraw web
	assert "$(live_ids)" = ""
	rm "$NM_TMP/state/filler"
	publish web 8080:80
	withdraw web
	assert_clean
}

@test "on a disk that was full from the start publish fails without a trace" {
	small_disk
	fill_disk
	publish rc=1 web 8080:80
	assert "$(rules host)" lacks natmap
	withdraw web
	rm "$NM_TMP"/state/filler*
	publish web 8080:80
	withdraw web
	assert_clean
}

@test "a read-only state directory fails without a trace" {
	small_disk
	publish web 8080:80
	local rules_before
	rules_before=$(snapshot host)
	mount -o remount,ro "$NM_TMP/state"
	publish rc=1 other 9090:90
	withdraw rc=1 web
	same rules "$rules_before" "$(snapshot host)"
	mount -o remount,rw "$NM_TMP/state"
	withdraw web
	assert_clean
}

@test "the file stays small over hundreds of containers, and live records survive" {
	local i largest=0 size bundle
	publish web 8080:80
	mapfile -t argv < <(natmap_argv)
	ctr_start other
	for ((i = 0; i < 130; i++)); do
		printf -v bundle 'bundle=/%01000d' "$i"
		state other "$(ctr_pid other)" creating "$bundle" io.natmap.ports=9090:90 >"$NM_TMP/in"
		state other - stopped "$bundle" >"$NM_TMP/end"
		# shellcheck disable=SC2016 # for that shell
		on host sh -ec '"$@" hook <"$0/in" && "$@" hook <"$0/end"' "$NM_TMP" "${argv[@]}" 3>&-
		size=$(stat -c %s "$state")
		largest=$((size > largest ? size : largest))
	done
	assert "$largest" -gt 60000 "largest size"
	assert "$largest" -lt 200000 "largest size"
	assert "$size" -lt "$largest" "size after compaction"
	assert "$(live_ids)" = web
	canonical
	assert "$(cd "$NM_TMP/state" && echo *)" = 'lock state'
	withdraw web
	assert_clean
}

@test "a thousand records, written by hand, do not stop a hook, and list --json shows them all" {
	publish web 8080:80
	local line i
	line=$(tail -n 1 "$state" | jq -c 'del(.filter)')
	for i in {1..1000}; do
		printf '%s\n' "$line"
	done | awk '{ gsub(/"web"/, "\"ctr" NR "\""); gsub(/10\.88\.7\.2\/24/, "10.89." int(NR / 250) "." NR % 250 + 1 "/16")
		gsub(/fd00:7::2/, "fd00:8::" NR); gsub(/8080:80/, 10000 + NR ":80"); print }' >>"$state"
	canonical
	publish other 9090:90
	run_natmap list --json
	assert "$(jq '.containers | length' <<<"$output")" -eq 1002
	assert "$output" lacks filter
	publish rc=4 third 10500:81
	withdraw other
	withdraw web
	assert "$(live_ids | wc -w)" -eq 1000
}

# wait_with_lock STATUS COMMAND...: publishes "other" while another process holds the lock, and runs the command, which does
# away with that lock, once the hook waits. It ends with the status; a failure names what has happened.
wait_with_lock() {
	local hook holder rc=$1
	shift
	hold_lock
	{
		publish "rc=$rc" other 9090:90
		[[ $rc = 0 ]] || assert "$stderr" has "somebody has removed or replaced '$NM_TMP/state' meanwhile"
	} &
	hook=$!
	wait_for waiters 1
	"$@"
	kill_group "$holder" # the sleep has the lock, too
	wait "$hook"
}

@test "a lock that is removed while a hook waits for it is not the lock any more" {
	ctr_start other ctr2
	publish web 8080:80
	wait_with_lock 0 rm "$NM_TMP/state/lock"
	assert "$(live_ids)" = 'web other'
	withdraw web
	withdraw other
	assert_clean
}

# The sandbox of a hook lets it into the directory that was there when it began.
@test "a state that is removed or moved away while a hook waits for its lock is told, and the next hook makes it anew" {
	ctr_start other ctr2
	publish web 8080:80
	wait_with_lock 1 mv "$NM_TMP/state" "$NM_TMP/state.old"
	refute test -e "$NM_TMP/state"
	assert_no_rule host natmap:other:9090
	publish other 9090:90
	assert "$(live_ids)" = other
	withdraw other
	rm -r "$NM_TMP/state"
	mv "$NM_TMP/state.old" "$NM_TMP/state"
	wait_with_lock 1 rm -r "$NM_TMP/state"
	assert_no_rule host natmap:other:9090
	publish other 9090:90
	assert "$(live_ids)" = other
	withdraw other
}

# bats test_tags=once
@test "a withdraw that began before there was a state does not fail when one comes meanwhile" {
	local withdraw
	mapfile -t argv < <(natmap_argv)
	assert_no_state
	state gone - stopped >"$NM_TMP/gone"
	on host strace -qq -o "$NM_TMP/trace" -e trace=openat,landlock_restrict_self -e inject=landlock_restrict_self:delay_exit=500000 \
		"${argv[@]}" hook poststop <"$NM_TMP/gone" 3>&- &
	withdraw=$!
	wait_for grep -q 'state".* ENOENT' "$NM_TMP/trace"
	mkdir -m 700 "$NM_TMP/state"
	install -m 600 /dev/null "$NM_TMP/state/lock"
	wait "$withdraw"
}

@test "a state without its lock file is read all the same" {
	publish web 8080:80
	rm "$NM_TMP/state/lock"
	run_natmap list
	assert "$output" has web
	rm "$NM_TMP/state/lock"
	withdraw web
	assert_clean
}

@test "a boot id that cannot be read whole discards no state" {
	ctr_start other ctr2
	publish web 8080:80
	local NM_WRAP=(strace -o /dev/null -P /proc/sys/kernel/random/boot_id -e inject=read:retval=0:syscall=getpid)
	publish rc=1 other 9090:90
	assert "$stderr" has boot_id
	# shellcheck disable=SC2034 # run_natmap uses it
	NM_WRAP=()
	assert "$(live_ids)" = web
	withdraw web
	assert_clean
}
