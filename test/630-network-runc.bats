#!/usr/bin/env bats
# Bare containers of real runtimes that get their network from natmap: two hooks, two annotations, and no `ip`.
# shellcheck disable=SC2034,SC2154 # RUNTIME is for runc.bash, $output comes from ctr_run

load helpers/natmap
load helpers/runc
load helpers/network

setup() {
	net_up
	network
}

# bare JQ: a JQ program for a bundle with the annotation, whose namespace the runtime makes
bare() {
	printf '.annotations["io.natmap.network"] = "bridge" | del(.linux.namespaces[].path) | %s' "${1:-.}"
}

# bare_make ID HOST_PORT [JQ]: a bundle whose container serves a page ID
bare_make() {
	bundle_make "$1" "echo $1 >/tmp/index.html; exec httpd -f -p 80 -h /tmp" "$2:80" "$(bare "${3:-.}")"
}

# inside ID COMMAND: the shell COMMAND in the container
inside() {
	runtime exec "$1" sh -c "$2" </dev/null
}

# outbound ID: what the container begins comes out with the host's address
outbound() {
	assert "$(inside "$1" 'echo ask | nc -w 5 192.0.2.2 7000')" = 'out 192.0.2.1' || return 1
	assert "$(inside "$1" 'echo ask | nc -w 5 fd00:99::2 7000')" = 'out fd00:99::1'
}

# lives ID HOST_PORT: its page, from everywhere, and its way out
lives() {
	local host
	for host in 192.0.2.1 '[fd00:99::1]'; do
		assert_page "$1" ext "$host:$2" && assert_page "$1" host "$host:$2" || return 1
	done
	assert_page "$1" host "127.0.0.1:$2" && outbound "$1"
}

@test "runc and crun: a bare container is on the network with its port, and nothing of it is left" {
	local before
	remember
	serve ext tcp 7000 'out %p'
	echo nameserver 192.0.2.2 >"$NM_TMP/resolv.conf"
	bare_make web 8080 '.mounts += [{destination: "/etc/resolv.conf", type: "bind", source: "'"$NM_TMP"'/resolv.conf", options: ["bind", "ro"]}]'
	bare_make second 8081 '.hooks.poststart = [.hooks.createRuntime[0] | .args[-1] = "poststart"]'
	for RUNTIME in runc crun; do
		ctr_run web
		lives web 8080
		assert "$(inside web 'cat /etc/resolv.conf')" = 'nameserver 192.0.2.2'
		ctr_run second
		lives second 8081
		assert "$(inside web "wget -q -O - http://$(address_of second 4)/")" = second
		assert "$(inside web "wget -q -O - http://192.0.2.1:8080/")" = web
		assert_no_reach ext tcp "$(address_of web 4)" 80
		ctr_delete web
		refute page ext 192.0.2.1:8080
		lives second 8081
		ctr_delete second
		host_is_as_before
	done
}

# opened_up DIR: others may look into it, up to where everybody may write
opened_up() {
	local dir=$1
	until [[ -k "$dir" || "$dir" = / ]]; do
		chmod o+x "$dir"
		dir=${dir%/*}
	done
}

@test "a container in a user namespace has its network, too, if the host may enter it" {
	local before
	remember
	serve ext tcp 7000 'out %p'
	opened_up "$NM_TMP"
	# shellcheck disable=SC2016 # for jq
	bare_make web 8080 '.linux.namespaces += [{type: "user"}] | [{containerID: 0, hostID: 100000, size: 65536}] as $map
		| .linux.uidMappings = $map | .linux.gidMappings = $map'
	chown -R 100000:100000 "$NM_TMP/web/rootfs"
	for RUNTIME in runc crun; do
		ctr_run web
		assert "$(inside web 'cat /proc/self/uid_map')" has 100000
		lives web 8080
		ctr_delete web
		host_is_as_before
	done
}

# bats test_tags=once
@test "a namespace that has a network is refused in a line that says so, and stays as it is" {
	local before inside pid
	remember
	inside=$(on ctr ip -o address)
	bundle_make web 'sleep 600' 8080:80 '.annotations["io.natmap.network"] = "bridge"'
	! ctr_run web || fail "must not run"
	assert "$output" has "natmap: container 'web': io.natmap.network: the container's network namespace already has interface 'eth0'"
	same 'the namespace' "$inside" "$(on ctr ip -o address)"
	host_is_as_before
	# that of another container of natmap's
	bare_make first 8081
	ctr_run first
	pid=$(ctr_state first pid)
	sed "s|\"path\": \"[^\"]*\($NM_NS-ctr\)\"|\"path\": \"/proc/$pid/ns/net\"|" "$NM_TMP/web/config.json" >"$NM_TMP/config" &&
		mv "$NM_TMP/config" "$NM_TMP/web/config.json"
	! ctr_run web || fail "must not run"
	assert "$output" has "already has interface 'eth0'"
	assert_page first ext 192.0.2.1:8081
	config '{}'
	bare_make web 8080
	! ctr_run web || fail "must not run"
	assert "$output" has policy.network
	ctr_delete first
	host_is_as_before
}

@test "a container that ends by itself, is killed, or does not start leaves nothing after its delete" {
	local before pid
	remember
	for RUNTIME in runc crun; do
		# its port is taken
		publish other 8080:80
		bare_make web 8080
		refute ctr_run web
		assert "$(live_ids)" = other
		withdraw other
		host_is_as_before
		# there is nothing to start
		bare_make web 8080 '.process.args = ["/nothing"]'
		refute ctr_run web
		ctr_delete web || : # runc has deleted it
		run_natmap gc       # crun runs no hook after this
		host_is_as_before
		bundle_make web true 8080:80 "$(bare)"
		ctr_run web
		wait_for has_stopped web
		runtime delete web
		host_is_as_before
		bare_make web 8080
		ctr_run web
		pid=$(ctr_state web pid)
		kill -KILL "$pid"
		wait_for has_stopped web
		runtime delete web
		host_is_as_before
		# a later hook fails, having read the state: if it does not, crun 1.8.1 may end by SIGPIPE, and with status 0
		bare_make web 8080 '.hooks.createRuntime += [{path: "/bin/grep", args: ["grep", "^no"]}]'
		refute ctr_run web
		run_natmap gc
		host_is_as_before
	done
}

has_stopped() {
	[[ "$(ctr_state "$1" status)" = stopped ]]
}
