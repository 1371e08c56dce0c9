#!/usr/bin/env bats
# natmap doctor: whether podman, CRI-O and containerd call natmap, by the files that they read.
# shellcheck disable=SC2034,SC2154 # NM_WRAP is for run_natmap, which sets $stderr and $output
# bats file_tags=once

load helpers/natmap

NM_SEEN='etc opt root usr/share usr/local usr/bin' # the last one has what mounts the others

setup() {
	net_up
	ROOT=$NM_TMP/root
	cp "$NATMAP" "$NM_TMP/natmap"
	NATMAP=$NM_TMP/natmap
	fresh
}

# fresh: from now on natmap sees, in these directories, what is below $ROOT, where nothing but a natmap is
# shellcheck disable=SC2016,SC2086 # that shell's variables; a list of words
fresh() {
	rm -rf "$ROOT"
	(mkdir -p "$ROOT" && cd "$ROOT" && mkdir -p $NM_SEEN)
	programs natmap
	NM_WRAP=(unshare -m --propagation private sh -c '
		root=$1 seen=$2
		shift 2
		for dir in $seen; do
			mount --bind "$root/$dir" "/$dir" || exit 1
		done
		exec "$@"' sh "$ROOT" "$NM_SEEN")
}

# programs NAME...: are installed there
programs() {
	mkdir -p "$ROOT/usr/local/bin"
	install -m 755 /dev/null "$ROOT/usr/local/bin/$1"
	[[ $# = 1 ]] || programs "${@:2}"
}

# file PATH TEXT...: has these lines there
file() {
	mkdir -p "$(dirname "$ROOT$1")"
	printf '%s\n' "${@:2}" >"$ROOT$1"
}

# hook DIRECTORY [PROGRAM]: has natmap's hook file there
hook() {
	file "$1/natmap.json" "$(sed "s|@BINDIR@/natmap|${2:-/usr/local/bin/natmap}|" "$NM_TREE/hooks.d/podman.json.in")"
}

# silent: the doctor has nothing to say
silent() {
	run_natmap doctor && assert "$output" = ""
}

# notes TEXT: it says this, which does not count
notes() {
	run_natmap doctor && assert "$output" has "$1"
}

# finds TEXT: and this, which does; sets $cure to the command for it
finds() {
	run_natmap rc=1 doctor || return 1
	assert "$(grep -c '^[^ ]' <<<"$output")" -eq 1 findings || return 1
	assert "$output" has "$1" || return 1
	cure=$(sed -n 's/^    run: //p' <<<"$output")
}

# cured: the command removes what the doctor has found
cured() {
	local dir mounts=""
	for dir in ${NM_SEEN% *}; do
		mounts+="mount --bind '$ROOT/$dir' '/$dir';"
	done
	unshare -m --propagation private bash -ec "$mounts $cure" || return 1
	silent
}

@test "podman: a hook file that it does not read, that names no natmap, or that is missing" {
	local share=/usr/share/containers/oci/hooks.d etc=/etc/containers/oci/hooks.d conf=/etc/containers/containers.conf
	hook $share /nowhere/natmap
	silent # no podman here
	programs podman
	finds "podman: '$share/natmap.json' names '/nowhere/natmap', which is not there: its containers start without their ports"
	cured
	hook $share
	silent
	chmod -x "$ROOT/usr/local/bin/natmap"
	finds "which cannot be executed: its containers do not start"
	programs natmap
	rm "$ROOT$share/natmap.json"
	notes "podman may publish nothing: none of its hook files names natmap"
	file $share/other.json '{"version": "1.0.0", "hook": {"path": "/nowhere/other"}, "when": {"always": true}}' # somebody else's
	notes "podman may publish nothing"
	hook $etc
	finds "podman does not read '$etc/natmap.json': its containers start without their ports"
	cured
	rm "$ROOT$share/natmap.json"
	file $conf '[engine]' "hooks_dir = [ # ours, too" "  \"$share\"," "  '$etc'," ']'
	silent
	hook $etc /nowhere/natmap
	finds "'$etc/natmap.json' names '/nowhere/natmap'"
	hook $share
	finds "'$etc/natmap.json' names '/nowhere/natmap'" # the later directory's counts
	file $conf.d/10-more.conf '[engine]' "hooks_dir = [\"$share\"]"
	silent
	file $conf.d/20-more.conf '[engine]' "hooks_dir = [\"$etc\", {append = true}]"
	finds "'$etc/natmap.json' names '/nowhere/natmap'"
	file $conf.d/30-none.conf '[engine]' "hooks_dir = ['/empty', {append=false}]"
	finds "podman does not read '$share/natmap.json'"
	mv "$ROOT$conf.d/30-none.conf" "$ROOT$conf.d/30-none.off"
	rm "$ROOT$conf.d/20-more.conf"
	silent
	rm -r "$ROOT$share"
	file $conf.d/40-empty.conf '[engine]' 'hooks_dir = []'
	silent # versions differ
	rm "$ROOT$conf.d/40-empty.conf"
	file /root/.config/containers/containers.conf '[engine]' "hooks_dir = ['$etc']"
	hook $etc
	silent
}

@test "CRI-O: its own directories" {
	local share=/usr/share/containers/oci/hooks.d
	programs crio
	notes "CRI-O may publish nothing: none of its hook files names natmap"
	hook /etc/containers/oci/hooks.d
	finds "CRI-O does not read '/etc/containers/oci/hooks.d/natmap.json'"
	cured
	file /etc/crio/crio.conf '[crio.runtime]' 'hooks_dir = [' "	\"/opt/hooks\"," ']'
	finds "CRI-O does not read '$share/natmap.json'"
	file /etc/crio/crio.conf.d/natmap '[crio]' "runtime.hooks_dir = [\"$share\"]"
	silent
}

@test "containerd: a base specification, and the annotations of pods" {
	local conf=/etc/containerd/config.toml base=/etc/containerd/natmap.json version
	programs containerd
	silent # no pod starts without a network
	file /etc/cni/net.d/10-net.conflist
	notes "containerd may publish nothing of pods: no base_runtime_spec in '$conf' names natmap"
	file $conf 'disabled_plugins = ["cri"]'
	silent # Docker's
	for version in 2 3; do
		file $conf "version = $version" '[plugins.x.containerd.default_runtime]' 'base_runtime_spec = ""' 'pod_annotations = []'
		notes "containerd may publish nothing of pods"
		cat "$NM_TREE/hooks.d/containerd-$version.toml" >>"$ROOT$conf"
		rm -f "$ROOT$base"
		finds "containerd: hook file '$base': "
		file $base "$(sed 's|@BINDIR@|/usr/local/bin|' "$NM_TREE/hooks.d/runc.json.in")"
		silent
		sed -i 's|/usr/local/bin|/nowhere|' "$ROOT$base"
		finds "containerd: '$base' names '/nowhere/natmap', which is not there: no container of a pod starts"
		cured
		sed -i 's|io.natmap|io.other|' "$ROOT$conf"
		finds "containerd keeps a pod's io.natmap.ports from its containers: pod_annotations in '$conf'"
		sed -i 's|pod_annotations.*|container_annotations = ["io.kubernetes.container.ports"]|' "$ROOT$conf"
		silent
		sed -i 's|container_annotations.*|pod_annotations = ["io.*"]|' "$ROOT$conf"
		silent
	done
	file $base '{"when": {"annotations": {"natmap": ""}}}'
	notes "containerd may publish nothing of pods"
	file $base '{}'
	notes "containerd may publish nothing of pods"
	file $conf '[cni]' 'conf_dir = "/etc/cni/none"'
	silent
	file $conf 'imports = ["/etc/containerd/conf.d/*.toml"]'
	silent
	file $conf '[a.options]' 'BinaryName = "/usr/local/bin/runc-with-hooks"'
	silent
	file $conf '[a.options]' 'BinaryName = "/usr/sbin/runc"'
	notes "containerd may publish nothing of pods"
	file /opt/nri/plugins/10-hook-injector
	silent
}

@test "files that are none, or hostile, end in a line and not in a wait" {
	local share=/usr/share/containers/oci/hooks.d
	programs podman crio containerd
	mkdir -p "$ROOT$share/dir.json" "$ROOT/etc/containers/containers.conf.d/dir.conf" "$ROOT/etc/crio/crio.conf.d/dir"
	mkdir -p "$ROOT/etc/containerd"
	mkfifo "$ROOT/etc/containers/containers.conf" "$ROOT/etc/crio/crio.conf" "$ROOT/etc/containerd/config.toml" "$ROOT$share/fifo.json"
	notes "podman may publish nothing"
	assert "$output" lacks containerd
	head -c 2000000 /dev/zero | tr '\0' '[' >"$ROOT$share/natmap.json"
	run_natmap rc=1 doctor
	assert "$output" has "podman: hook file '$share/natmap.json': "
	printf '{"hook": {"path": "/x\\u001b[2J/natmap"}, "when": {"annotations": {"natmap": 1}}}' >"$ROOT$share/natmap.json"
	run_natmap rc=1 doctor
	assert "$output" has "podman: hook file '$share/natmap.json': "
	assert "$output" lacks $'\e'
	printf '{"hook": {"path": "/x|y;reboot/natmap"}}' >"$ROOT$share/natmap.json"
	run_natmap rc=1 doctor
	assert "$output" has "names '/x|y;reboot/natmap'"
	assert "$output" lacks run:
}
