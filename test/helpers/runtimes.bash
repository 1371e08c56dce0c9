# shellcheck shell=bash
# The runtimes of a release of Debian, with natmap installed for them: they run where programs.bash has programs run, on the node
# `host`, and nothing that they write stays. runtimes.sh has installed them, and made the images.
# shellcheck disable=SC2034,SC2154 # for run_natmap; $box comes from box_up, $status, $output and $stderr from run_natmap

# runtimes_up: for setup: the network, the place, and natmap in it, as `make install` installs it
runtimes_up() {
	net_up
	box_up
	# What is installed lies over the release's /usr. crun refuses a hybrid hierarchy of control groups: its cgroup2 half is covered.
	# shellcheck disable=SC2016 # for that shell
	inbox sh -euc '
		mkdir -p /tmp/usr /tmp/work-usr /etc/natmap /etc/containerd /etc/cni/net.d /var/lib/containers /var/lib/containerd
		mount -t overlay overlay -o lowerdir=/usr,upperdir=/tmp/usr,workdir=/tmp/work-usr /usr
		for dir in /root /var/lib/containers /var/lib/containerd; do mount -t tmpfs tmpfs "$dir"; done
		cp -a "$1/root/." /
		cp "$1/containers.conf" /usr/share/containers/
		[ "$(stat -f -c %T /sys/fs/cgroup/unified 2>/dev/null)" != cgroup2fs ] || mount -t tmpfs none /sys/fs/cgroup/unified
	' sh "$(prepared)"
	[[ "$NATMAP" = "$NM_BUILD/natmap" ]] || cp "$NATMAP" "/proc/$box/root/usr/local/bin/natmap"
	NATMAP=/proc/$box/root/usr/local/bin/natmap
	NM_ARGV=(nsenter -t "$box" -m -p -r -w /usr/local/bin/natmap)
	config_there '{}'
}

# prepared: where runtimes.sh has put what they need, as a path there
prepared() {
	echo "/mnt${NM_BUILD#"$NM_TREE"}/runtimes"
}

# config_there TEXT: natmap's configuration there from now on
config_there() {
	config "$1"
	cp "$NM_TMP/natmap.json" "/proc/$box/root/etc/natmap/natmap.json"
}

# runtimes_down: for teardown: ends all of them, and fails when a result was not as expected
runtimes_down() {
	programs_down
}

# script TEXT [ARGUMENT...]: runs these commands there, each of which must succeed
script() {
	inbox sh -euc "$1" sh "${@:2}"
}

# steps NAME [OLD NEW]...: the commands or the file that the manual page has under this name, with the words OLD replaced
steps() {
	local text
	text=$(awk -v name="$1" '
		$1 == ".\\\"" && ($2 == "run:" || $2 == "file:") { found = $3 == name }
		found && /^\.Bd -literal/ { shown = 1; next }
		/^\.Ed/ { if (shown) exit; found = 0 }
		shown' "$NM_BUILD/man/natmap-runtimes.7" |
		sed -E 's/\\&//g; s/\\-/-/g; s/\\\(aq/'"'"'/g; s/\\\(dq/"/g; s/\\\(ti/~/g; s/\\\(ha/^/g; s/\\\(ga/`/g; s/\\(e|\(rs)/\\/g')
	[[ -n "$text" ]] || fail "no steps in the manual page: $1" || return 1
	shift
	while [[ $# -gt 0 ]]; do
		[[ "$text" = *"$1"* ]] || fail "steps without '$1':" "$text" || return 1
		text=${text//"$1"/"$2"}
		shift 2
	done
	printf '%s\n' "$text"
}

# follow NAME [OLD NEW]...: does what the manual page says
follow() {
	local text
	text=$(steps "$@") || return 1
	printf '== %s\n%s\n' "$1" "$text"
	script "$text"
}

# assert_pages EXPECTED PORT: from the network and the host, in both families (4: in IPv4 alone), from 127.0.0.1, and from a
# neighbour
assert_pages() {
	assert_page "$1" ext "192.0.2.1:$2" || return 1
	assert_page "$1" host "192.0.2.1:$2" || return 1
	assert_page "$1" host "127.0.0.1:$2" || return 1
	assert_page "$1" ctr2 "192.0.2.1:$2" || return 1
	[[ "${3:-}" != 4 ]] || return 0
	assert_page "$1" ext "[fd00:99::1]:$2" || return 1
	assert_page "$1" host "[fd00:99::1]:$2"
}

assert_no_page() {
	refute page ext "192.0.2.1:$1"
	refute page ext "[fd00:99::1]:$1"
}

# assert_nothing_left: no rule, record or process of a container's, and after a reload no difference. It takes away what natmap has
# among rules that a runtime has deleted behind it.
assert_nothing_left() {
	assert_clean || return 1
	run_natmap reload
	run_natmap check
	assert "$output" = "" "natmap check"
}

# published: the ids that list shows as running
published() {
	inbox natmap list | awk '$3 == "running" { print $1 }' | LC_ALL=C sort | xargs
}

# release_is NAME...: the tests run with the runtimes of one of these
release_is() {
	[[ " $* " = *" $NM_RELEASE "* ]]
}

# network_make NAME LAST: there, a network namespace on the bridge br0 with addresses that end in LAST
network_make() {
	# shellcheck disable=SC2016 # for that shell
	script '
		ip netns add "$1"
		ip link add "v$1" type veth peer name eth0 netns "$1"
		ip link set "v$1" master br0 up
		ip -n "$1" -batch - <<-END
			link set lo up
			addr add 10.88.7.$2/24 dev eth0
			addr add fd00:7::$2/64 dev eth0 nodad
			link set eth0 up
			route add default via 10.88.7.1
			route add default via fd00:7::1
		END' "$@"
}

# many: as many containers at once as runtimes.sh says
many() {
	echo "${NM_MANY:-6}"
}

# Podman.

# podman_up [RUNTIME]: podman with that OCI runtime (its own default), the image, and a network with both families, web
podman_up() {
	[[ $# = 0 ]] || sed -i "/^\[engine\]/a runtime = \"$1\"" "/proc/$box/root/usr/share/containers/containers.conf"
	follow podman
	inbox podman load -q -i "$(prepared)/web.tar"
	inbox podman network create --ipv6 --subnet 10.90.0.0/24 --subnet fd00:90::/64 web
}

# podman_serves NAME PORT [OPTION...]: runs a container with a page NAME on port 80, published on PORT
podman_serves() {
	inbox podman run --detach --name "$1" --network web --stop-signal KILL --annotation "io.natmap.ports=$2:80" "${@:3}" \
		docker.io/library/nginx sh -c "echo $1 >/www/index.html; exec httpd -f -p 80 -h /www"
}

# podman_ends NAME...: removes containers; again, where podman itself is still at their mounts or finds that they are gone
podman_ends() {
	inbox podman rm --force --time 0 "$@" || wait_for inbox podman rm --force --ignore --time 0 "$@"
}

# podman_of KEY NAME: what `podman inspect` says
podman_of() {
	inbox podman inspect --format "{{$1}}" "$2"
}

# containerd.

# containerd_up [VERSION]: containerd with natmap and the images, its configuration of this version (the newest that it knows).
# Its end is daemon_stop containerd
containerd_up() {
	local version=2
	! release_is sid || version=3
	version=${1:-$version}
	follow containerd-base-spec
	inbox cp "$(prepared)/containerd-$version.toml" /etc/containerd/config.toml
	follow "containerd-$version"
	inbox cp "$(prepared)/10-cni.conflist" /etc/cni/net.d/
	containerd_start
	images_up k8s.io
}

containerd_start() {
	daemon containerd containerd
	answers_there containerd ctr version
}

# images_up NAMESPACE: the images, in this namespace of containerd's
images_up() {
	# shellcheck disable=SC2016 # for that shell
	script 'for image in web pause; do ctr -n "$1" images import "$2/$image.tar"; done' "$1" "$(prepared)" >/dev/null
}

# cri METHOD REQUEST RESPONSE, cri run CONTAINER_FILE POD_FILE: see cri.sh
cri() {
	inbox /mnt/test/helpers/cri.sh "$@"
}

# no_bridge: natmap's bridge is gone from the host
no_bridge() {
	refute on host ip link show natmap0
}
