#!/usr/bin/env bats
# Which hook files podman reads, by version, and that natmap doctor says the same.
# shellcheck disable=SC2154 # $box comes from box_up, $output from run_natmap
# bats file_tags=once

load ../helpers/natmap
load ../helpers/programs
load ../helpers/runtimes

NM_SHARE=/usr/share/containers/oci/hooks.d

setup() {
	runtimes_up
	podman_up
	inbox mv "$NM_SHARE/natmap.json" /tmp/natmap.json
}

teardown() {
	runtimes_down
}

# hook_only_in DIRECTORY: has natmap's hook file there and nowhere else, and nobody names a directory
# shellcheck disable=SC2016 # for that shell
hook_only_in() {
	script '
		rm -rf /opt/a /opt/b "$1" /etc/containers/oci /usr/local/share/containers /etc/containers/containers.conf.d
		mkdir -p /etc/containers/containers.conf.d "$2"
		cp /tmp/natmap.json "$2"' "$NM_SHARE" "$1"
}

# lists_are LIST...: hooks_dir in files of containers.conf.d, in this order
lists_are() {
	local n=0 list
	for list; do
		n=$((n + 1))
		printf '[engine]\nhooks_dir = %s\n' "$list" >"/proc/$box/root/etc/containers/containers.conf.d/$n.conf"
	done
}

# found [OPTION...]: what podman makes of a container with ports: published, unpublished, refused
found() {
	# in podman's own network, which has no DNS server that may be late
	if ! inbox podman run --detach --name web --annotation io.natmap.ports=8080:80 "$@" docker.io/library/nginx \
		>"$NM_TMP/podman.log" 2>&1; then
		echo refused
	elif [[ -n "$(published)" ]]; then
		assert_page web ext 192.0.2.1:8080 >&2 && echo published
	else
		echo unpublished
	fi
	inbox mv /etc/containers/containers.conf.d /tmp/conf.d # with which it may not even end
	podman_ends --ignore web >/dev/null 2>&1
	inbox mv /tmp/conf.d /etc/containers/containers.conf.d
}

# doctors: what doctor thinks of that
doctors() {
	run_natmap rc=any doctor >/dev/null
	case $output in
	*'podman does not read'* | *'podman: '* | *'podman may publish nothing'*) echo unpublished ;;
	*) echo published ;;
	esac
}

# assert_found EXPECTED ROW DIRECTORY LIST...: with the hook file there
assert_found() {
	local what
	hook_only_in "$3"
	lists_are "${@:4}"
	what=$(found)
	[[ -z "$2" ]] || result "podman: $2" "$what" "$1"
	[[ "$what" = "$1" ]] || fail "$3 ${*:4}: $what, not $1" "$(<"$NM_TMP/podman.log")" || return 1
	[[ "$what" = refused ]] || assert "$(doctors)" = "$what" "doctor: $3 ${*:4}"
}

@test "podman reads one directory that nobody names, and those that are named" {
	assert_found published "" "$NM_SHARE"
	assert_found unpublished "" /etc/containers/oci/hooks.d
	assert_found unpublished "hook file in /usr/local" /usr/local/share/containers/oci/hooks.d
	assert_found published "" /opt/a '["/opt/a"]'
	assert_found unpublished "" "$NM_SHARE" '["/opt/a"]'
	assert_found published "" /opt/b '["/opt/a"]' '["/opt/b"]'
	assert_found unpublished "" /opt/a '["/opt/a"]' '["/opt/b"]'
	assert_found published "" /opt/a '["/none", "/opt/a"]'
}

@test "podman 5 adds to a list; podman 4 does not start" {
	local adds=published
	! release_is bookworm || adds=refused
	assert_found "$adds" "hooks_dir, append=true" "$NM_SHARE" '["/opt/a", {append=true}]'
	assert_found "$adds" "" /opt/a '["/opt/a"]' '["/opt/b", {append=true}]'
	assert_found "$adds" "" "$NM_SHARE" '["/opt/a", {append=true}]' '["/opt/b"]'
	[[ $adds = refused ]] || assert_found unpublished "" /opt/a '["/opt/a", {append=true}]' '["/opt/b", {append=false}]'
}

@test "what versions do not agree on is nothing to doctor" {
	local newer=published
	! release_is bookworm || newer=unpublished
	hook_only_in "$NM_SHARE"
	lists_are '[]'
	result "podman: hooks_dir, empty" "$(found)" "$newer"
	assert "$(doctors)" = published
	hook_only_in /opt/a
	inbox mkdir -p /root/.config/containers
	printf '[engine]\nhooks_dir = ["/opt/a"]\n' >"/proc/$box/root/root/.config/containers/containers.conf"
	result "podman: hooks_dir, root's own" "$(found)" "$newer"
	assert "$(doctors)" = published
}

@test "a hook whose program is not there is skipped, one that is no JSON stops podman, and doctor tells of both" {
	hook_only_in "$NM_SHARE"
	inbox sed -i 's|/usr/local/bin/natmap|/usr/local/bin/other|' "$NM_SHARE/natmap.json"
	assert "$(found)" = unpublished
	assert "$(doctors)" = unpublished
	inbox install -m 644 /usr/local/bin/natmap /usr/local/bin/other
	assert "$(found)" = refused
	assert "$(doctors)" = unpublished
	inbox sh -c "echo '{' >$NM_SHARE/natmap.json"
	assert "$(found)" = refused
	assert "$(doctors)" = unpublished
}

@test "poststart in the hook file is for a network that comes after the container" {
	hook_only_in "$NM_SHARE"
	inbox sed -i 's/"createRuntime"/"poststart"/' "$NM_SHARE/natmap.json"
	result "podman: uidmap, poststart" "$(found --uidmap 0:100000:5000)" published
	inbox sed -i '/^\[engine\]/a runtime = "runc"' /usr/share/containers/containers.conf
	assert "$(found --uidmap 0:100000:5000)" = refused
}
