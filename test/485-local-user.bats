#!/usr/bin/env bats
# A local user without rights: what lies where the state is to be, the lock, the configuration.
# shellcheck disable=SC2154,SC2034 # $stderr and $output come from run_natmap, which takes NM_ARGV
# bats file_tags=once

load helpers/natmap

setup() {
	net_up
	shared=$(mktemp -d /tmp/nm-shared.XXXXXX) # where the user can come to
	chmod 0755 "$shared"
}

teardown() {
	net_down
	rm -rf "$shared"
}

# user COMMAND...: runs it as somebody without rights
user() {
	setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs "$@"
}

# refused TEXT: publish, withdraw, list and reload fail in one line that has TEXT, at once
refused() {
	publish rc=1 timeout=5 new 9090:90 && assert "$stderr" has "$1" && withdraw rc=1 timeout=5 web && assert "$stderr" has "$1" &&
		run_natmap rc=1 timeout=5 list && assert "$stderr" has "$1" && run_natmap rc=1 timeout=5 reload && assert "$stderr" has "$1"
}

@test "what somebody else has made where the state is to be is refused, and stays as it is" {
	local dir=$shared/parent/state
	NM_ARGV=("$NATMAP" --config "$NM_TMP/natmap.json" --state-dir "$dir")
	mkdir -m 1777 "$shared/parent"
	user mkdir -m 0777 "$dir"
	refused "'$dir': not one that only its user can write to"
	user chmod 0700 "$dir"
	user touch "$dir/state" "$dir/lock"
	user mkfifo "$dir/verified"
	refused "'$dir': not one that only its user can write to"
	assert "$(cd "$dir" && echo *)" = 'lock state verified'
	rm -r "$dir"
	mkdir -m 0700 "$NM_TMP/real"
	user ln -s "$NM_TMP/real" "$dir"
	refused "'$dir'"
	assert "$(ls -A "$NM_TMP/real")" = ""
	rm "$dir"
	user mkfifo "$dir"
	refused "'$dir'"
	rm "$dir"
	user touch "$dir"
	refused "'$dir'"
	rm "$dir"
	assert_no_rule host natmap:new
	# in a sticky directory what is root's stays
	publish web 8080:80
	refute user mv "$dir" "$dir.away"
	chmod 0755 "$dir"
	refute user flock -n "$dir/lock" true
	refute user cat "$dir/state"
	run_natmap list
	assert "$output" has web
	withdraw web
	assert_rule_free
}

# assert_rule_free: no container's rule is left
assert_rule_free() {
	assert "$(tags host)" !~ 'natmap:([^@]|@localnet)'
}

@test "a state whose directory others can rename is refused" {
	local dir=$shared/parent/state
	NM_ARGV=("$NATMAP" --config "$NM_TMP/natmap.json" --state-dir "$dir")
	mkdir -m 0777 "$shared/parent"
	refused "'$shared/parent/state': others can move it"
	chmod 0755 "$shared/parent"
	publish web 8080:80
	chown 65534 "$shared/parent"
	refused "'$shared/parent/state': others can move it"
	chown 0 "$shared/parent"
	withdraw web
	assert_rule_free
}

@test "a user who makes, moves and removes what is in the way, all the time, stops hooks at most" {
	local dir=$shared/parent/state i published=()
	NM_ARGV=("$NATMAP" --config "$NM_TMP/natmap.json" --state-dir "$dir")
	mkdir -m 1777 "$shared/parent"
	spawn host setpriv --reuid 65534 --regid 65534 --clear-groups sh -c "while :; do mkdir $dir; mv $dir $dir.2; ln -s / $dir
		mv $dir $dir.3; mkfifo $dir; rm -rf $dir $dir.2 $dir.3; done"
	for i in {1..12}; do
		publish rc=any "c$i" "80$((i + 10)):80"
		[[ $status = [01] ]] || fail "exit status $status"
		[[ $status = 1 ]] || published+=("c$i")
	done
	kill_group "$spawned"
	rm -rf "$dir.2" "$dir.3"
	[[ -O $dir && ! -L $dir ]] || rm -rf "$dir"
	if [[ ${#published[@]} = 0 ]]; then
		publish web 8080:80
		published=(web)
	fi
	for i in "${published[@]}"; do
		assert "$(tags host)" has "natmap:$i:"
		withdraw "$i"
	done
	assert_rule_free
}

@test "nobody without rights can hold the lock, and one that others can open is refused" {
	local mode
	publish web 8080:80
	for mode in 0644 0640 0604 0622; do
		chmod $mode "$NM_TMP/state/lock"
		refused "chmod 600 '$NM_TMP/state/lock'"
	done
	chmod 0600 "$NM_TMP/state/lock"
	chown 65534 "$NM_TMP/state/lock"
	refused "'$NM_TMP/state/lock': "
	rm "$NM_TMP/state/lock"
	mkfifo -m 0600 "$NM_TMP/state/lock"
	refused 'not a file that only its user can open'
	rm "$NM_TMP/state/lock"
	run_natmap list
	assert "$output" has web
	withdraw web
	assert_clean
}

@test "a configuration that others can write, or that is no file, is refused before anything is published" {
	local what config=$shared/parent/natmap.json
	NM_ARGV=("$NATMAP" --config "$config" --state-dir "$NM_TMP/state")
	mkdir -m 0777 "$shared/parent"
	for what in 'user cp /dev/null' 'user mkfifo' 'user mkdir' 'user ln -s /proc/self/environ' 'user ln -s natmap.json' 'user ln -s /dev/tty' \
		'mkfifo' 'install -m 0666 /dev/null' 'install -m 0620 /dev/null'; do
		$what "$config"
		publish rc=2 timeout=5 web 8080:80
		assert "$stderr" has "$config" "$what"
		rm -rf "$config"
	done
	refute test -e "$NM_TMP/state/state"
}
