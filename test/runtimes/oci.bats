#!/usr/bin/env bats
# runc and crun, by the steps of natmap-runtimes(7).
# shellcheck disable=SC2154 # $box comes from box_up, $output from run_natmap

load ../helpers/natmap
load ../helpers/programs
load ../helpers/runtimes

setup() {
	runtimes_up
	follow network
	bundle_there bundle
}

teardown() {
	runtimes_down
}

# bundle_there DIR [STEPS]: a bundle of a server, in /tmp/DIR, with natmap as these steps of the page say
bundle_there() {
	# shellcheck disable=SC2016 # for that shell
	script '
		mkdir "/tmp/$1" && cd "/tmp/$1"
		cp -a "$2" rootfs
		runc spec
		jq ".process.terminal = false | .process.rlimits = [] | .root.readonly = false
			| .process.args = [\"httpd\", \"-f\", \"-p\", \"80\", \"-h\", \"/www\"] | .linux.cgroupsPath = \"\"" config.json >new
		mv new config.json' "$1" "$(prepared)/rootfs"
	script "cd /tmp/$1 && $(steps "${2:-runc}")"
}

# starts RUNTIME ID: by the page's step. What a container holds open must not be the test's.
starts() {
	group "$2"
	script "cd /tmp/bundle && $(steps "$1-run" web "$2") </dev/null >/dev/null 2>&1"
}

# group ID: the next container has a control group that no other has, on the whole machine
group() {
	inbox sed -i "s|\"cgroupsPath\": \".*\"|\"cgroupsPath\": \"/$NM_NS/$1\"|" /tmp/bundle/config.json
}

# lives_and_ends RUNTIME: the page's steps with it
lives_and_ends() {
	starts "$1" web
	assert_pages web 8080
	assert "$(published)" = web
	inbox "$1" delete --force web
	assert_no_page 8080
	assert_nothing_left
	result "$1: create, start, delete" published published
}

@test "the page's steps with runc and crun: from create to delete" {
	lives_and_ends runc
	lives_and_ends crun
}

@test "the page's steps for a network of natmap's, with runc and crun" {
	local runtime
	config_there "$(steps network-policy)"
	inbox rm -r /tmp/bundle
	bundle_there bundle runc-network
	for runtime in runc crun; do
		starts "$runtime" web
		assert_pages web 8080
		assert "$(published)" = web
		inbox "$runtime" delete --force web
		assert_no_page 8080
		assert_nothing_left
		wait_for no_bridge
		result "$runtime: natmap's network" published published
	done
}

# also_in STAGE [COMMAND...]: a JQ program that has natmap, or this command, run in STAGE behind what runs there already
also_in() {
	local hook='.hooks.createRuntime[0] | .args[-1] = "'$1'"'
	[[ $# = 1 ]] || hook="{path: \"$2\", args: (\"${*:2}\" / \" \")}"
	printf '.hooks.%s += [%s]' "$1" "$hook"
}

# changed JQ: the bundle's configuration, as the page has it, and this
changed() {
	# shellcheck disable=SC2016 # for that shell
	script 'cd /tmp/bundle && [ -e page.json ] || cp config.json page.json; jq "$1" page.json >config.json' "$1"
}

@test "natmap in prestart, createRuntime and poststart publishes once" {
	local runtime
	changed "$(also_in prestart) | $(also_in poststart)"
	for runtime in runc crun; do
		starts "$runtime" web
		assert_pages web 8080
		assert "$(grep -c '"live":1' "/proc/$box/root/run/natmap/state")" -eq 1 "live records"
		inbox "$runtime" delete --force web
		assert_nothing_left
		result "$runtime: natmap in three stages" published published
	done
}

@test "a failure of natmap's in poststart: the container goes with it, or stays without its port" {
	local runtime found
	changed ".hooks.createRuntime = [] | $(also_in poststart | sed 's/createRuntime\[0\]/poststop[0]/') | .annotations[\"io.natmap.address\"] = \"10.99.0.77\""
	for runtime in runc crun; do
		found=unpublished
		starts "$runtime" web || :
		[[ "$(inbox "$runtime" state web)" = *'"running"'* ]] || found=refused
		result "$runtime: natmap fails in poststart" "$found" 'refused|unpublished'
		inbox "$runtime" delete --force web || :
		assert_nothing_left
	done
}

@test "a hook that fails behind natmap's: what crun leaves, gc takes" {
	local runtime found
	changed "$(also_in createRuntime /bin/grep ^no)" # which reads the state: see 630
	for runtime in runc crun; do
		refute starts "$runtime" web
		found=withdrawn
		run_natmap list
		[[ "$output" != *8080:80* ]] || found="left to gc"
		result "$runtime: a later hook fails" "$found" 'withdrawn|left to gc'
		run_natmap gc
		assert_nothing_left
	done
}

@test "natmap in poststart alone: an address that comes between create and start" {
	local runtime found
	changed ".hooks.createRuntime = [] | $(also_in poststart | sed 's/createRuntime\[0\]/poststop[0]/')"
	for runtime in runc crun; do
		inbox ip -n web addr flush dev eth0
		found=refused
		group web
		if script "cd /tmp/bundle && $runtime create web </dev/null >/dev/null 2>&1"; then
			inbox ip -n web addr add 10.99.0.2/24 dev eth0
			inbox ip -n web route add default via 10.99.0.1
			inbox "$runtime" start web
			assert_pages web 8080 4
			found=published
		fi
		inbox "$runtime" delete --force web || :
		assert_nothing_left
		result "$runtime: late address, poststart" "$found" 'published|refused'
	done
}

# slow_hook: a JQ program for a hook that does not end, behind natmap's
slow_hook() {
	also_in createRuntime /bin/sleep 600
}

# kill_there PATTERN: kills those whose command line matches, and nobody else's, since the process ids there are the test's own
kill_there() {
	inbox pkill -KILL -f -- "$1"
}

is_published() {
	[[ " $(published) " = *" $1 "* ]]
}

@test "a runtime that is killed while it creates a container: gc takes the port, and so does a container of the same name" {
	local runtime
	for runtime in runc crun; do
		changed "$(slow_hook)"
		group web
		daemon "$runtime" sh -c "cd /tmp/bundle && exec $runtime run --detach web"
		wait_for is_published web
		kill_there "^$runtime run"
		kill_there '^sleep 600' || : # crun ends its hooks
		wait_for no_init_there
		run_natmap gc
		assert_nothing_left
		changed .
		starts "$runtime" again
		assert_pages web 8080
		inbox "$runtime" delete --force again
		assert_nothing_left
	done
}

# no_init_there: no process of a container that is being created
no_init_there() {
	refute inbox pgrep -f 'runc init|^crun' >/dev/null
}

@test "containers that are killed, and started again at once, have the port each time" {
	local runtime round
	for runtime in runc crun; do
		for round in 1 2 3 4 5 6 7 8; do
			starts "$runtime" "web$round"
			inbox "$runtime" kill "web$round" KILL
			wait_for has_stopped "$runtime" "web$round"
		done
		starts "$runtime" web
		assert_pages web 8080
		for round in 1 2 3 4 5 6 7 8 ""; do
			inbox "$runtime" delete --force "web$round"
		done
		assert_nothing_left
	done
}

has_stopped() {
	[[ "$(inbox "$1" state "$2")" = *'"stopped"'* ]]
}

# A process without sockets, which criu 4.1 cannot have with newer kernels, beside a server in the same network.
# shellcheck disable=SC2016 # for that shell
loops='.process.args = ["sh", "-c", "while true; do sleep 1; done"] | del(.mounts[] | select(.type == "cgroup"))'

@test "checkpoint and restore: runc calls natmap at both" {
	local files="--image-path /tmp/image --work-path /tmp"
	if release_is bookworm; then # whose criu 3.17 cannot read what newer kernels give to a process (vdso)
		result "runc: checkpoint, restore" "no criu" "no criu"
		return
	fi
	changed "$loops"
	daemon server ip netns exec web "$(prepared)/rootfs/bin/httpd" -f -p 80 -h "$(prepared)/rootfs/www"
	starts runc web
	assert_pages web 8080
	script "runc checkpoint $files web"
	assert_no_page 8080
	assert_nothing_left
	script "cd /tmp/bundle && runc restore --detach $files web </dev/null >/dev/null 2>&1" ||
		fail "runc does not restore" "$(inbox grep -i error /tmp/restore.log)"
	assert_pages web 8080
	assert "$(published)" = web
	inbox runc delete --force web
	assert_nothing_left
	result "runc: checkpoint, restore" published published
}
