# shellcheck shell=bash
# Real containers of runc (RUNTIME=crun: of crun) in the node ctr, started from the host, with natmap's hooks.
# Needs net.bash, and natmap_argv for the hooks.

RUNTIME=${RUNTIME:-runc}

# rootfs_make DIR: a root file system from the static busybox
rootfs_make() {
	local applet
	mkdir -p "$1"/{bin,proc,sys,dev,etc,tmp,root} || return 1
	cp "$(command -v busybox)" "$1/bin/busybox" || return 1
	for applet in sh cat echo sleep nc httpd ip wget; do
		ln -sf busybox "$1/bin/$applet"
	done
	echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
}

# bundle_make ID COMMAND [PORTS] [JQ]: a bundle $NM_TMP/ID whose container runs the shell COMMAND in ctr, with PORTS as
# its annotation and natmap as its createRuntime and poststop hook; the JQ program changes config.json as a test likes.
bundle_make() {
	local dir="$NM_TMP/$1" hook argv word args='"natmap"'
	mapfile -t argv < <(natmap_argv)
	for word in "${argv[@]:1}" hook; do
		json_string word "$word"
		args+=,$word
	done
	json_string word "${argv[0]}"
	hook="{\"path\": $word, \"args\": [$args], \"timeout\": 10, \"env\": []}"
	rootfs_make "$dir/rootfs" || return 1
	rm -f "$dir/config.json"
	(cd "$dir" && runc spec) || return 1
	# No rlimits: raising them takes CAP_SYS_RESOURCE, which a sandboxed machine may lack. The cgroup's name must be
	# unique on the machine, not only below --root.
	jq --arg net "$(netns ctr)" --arg command "$2" --arg ports "${3:-}" --argjson hook "$hook" --arg cgroup "/$NM_NS-$1" '
		.process.terminal = false | .process.args = ["/bin/sh", "-c", $command] | .process.rlimits = []
		| .root.readonly = false | .linux.cgroupsPath = $cgroup
		| .linux.namespaces |= map(if .type == "network" then .path = $net else . end)
		| if $ports != "" then .annotations["io.natmap.ports"] = $ports else . end
		| .hooks = (["createRuntime", "poststop"] | map({key: ., value: [$hook + {args: ($hook.args + [.])}]}) | from_entries)
		| '"${4:-.}" "$dir/config.json" >"$dir/config.new" && mv "$dir/config.new" "$dir/config.json"
}

# runtime ARGUMENT...: the runtime, on the host, with a root of its own
runtime() {
	mkdir -p "$NM_TMP/runtime"
	local argv=("$RUNTIME" --root "$NM_TMP/runtime" "$@")
	if [[ "$RUNTIME" = crun && "$(stat -f -c %T /sys/fs/cgroup/unified 2>/dev/null)" = cgroup2fs ]]; then
		# crun refuses a hybrid cgroup hierarchy: cover its cgroup2 half, in a mount namespace that ends with the command.
		# shellcheck disable=SC2016 # "$@" belongs to that shell
		argv=(unshare -m --propagation private sh -c 'mount -t tmpfs none /sys/fs/cgroup/unified && exec "$@"' sh "${argv[@]}")
	fi
	on host "${argv[@]}" 3>&-
}

# ctr_run ID: creates and starts the container of bundle_make ID. Fails when the runtime does; $output is what it said.
# The container's own output is in $NM_TMP/ID.log. To files, because a pipe would stay open as long as the container.
ctr_run() {
	local code=0
	runtime run -d --bundle "$NM_TMP/$1" "$1" </dev/null >"$NM_TMP/$1.log" 2>"$NM_TMP/$1.err" || code=$?
	output=$(<"$NM_TMP/$1.err")
	printf '%s run %s: %s\n' "$RUNTIME" "$1" "${output:-ok}"
	return "$code"
}

# ctr_delete ID: kills and deletes the container, which runs the poststop hook
ctr_delete() {
	runtime delete --force "$1" </dev/null
}

# ctr_state ID KEY: what the runtime says of the container: status, pid, ... Instead of jq, which takes 45 ms to start.
ctr_state() {
	runtime state "$1" | sed -n "s/^ *\"$2\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p"
}

# runtime_clean: what net_down calls: no container is left
runtime_clean() {
	local id
	for id in $(runtime list -q); do
		ctr_delete "$id" || :
	done
}
