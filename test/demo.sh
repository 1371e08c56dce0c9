#!/bin/bash
# `make demo`: does what README.md's quick start says, word for word, on a throwaway host, and looks at it from outside. Leaves
# nothing behind: all of it happens in network namespaces, and what is written to the machine's /etc and /usr stays in memory. As root.
set -eu

# shellcheck source=test/helpers/natmap.bash
. "$(dirname "$0")/helpers/natmap.bash"

bold="" plain=""
if [[ -t 1 ]]; then
	bold=$'\e[1m' plain=$'\e[0m'
fi

step() {
	printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

# steps N: the Nth block of commands of the quick start
steps() {
	awk -v n="$1" '/^## / { within = /Quick start/ } /^```$/ { shown = 0 } within && shown; within && /^```sh/ { shown = ++block == n }' \
		"$NM_TREE/README.md"
}

# place: mounts of this script's own, in which nothing stays that is written to the machine's directories
place() {
	local dir written=/run/written
	mount -t tmpfs -o mode=755 tmpfs /run
	mkdir -p "$written" /run/bin /run/netns /run/lock
	mount --bind /run/netns /run/netns # or two that make a namespace at once mount it without end
	for dir in /etc /usr "$NM_TREE"; do
		mkdir -p "$written$dir/.upper" "$written$dir/.work"
		mount -t overlay overlay -o "lowerdir=$dir,upperdir=$written$dir/.upper,workdir=$written$dir/.work" "$dir"
	done
	printf '#!/bin/sh\nexec "$@"\n' >/run/bin/sudo && chmod +x /run/bin/sudo
	cd "$NM_TREE"
}

# follow N DIRECTORY: does what the quick start says. To a file, which the container holds open as long as it lives.
follow() {
	local code=0
	steps "$1" >"$NM_TMP/steps"
	assert "$(wc -l <"$NM_TMP/steps")" -gt 0 "lines of the quick start, $1"
	(cd "$2" && on host env PATH="/run/bin:$PATH" MAKEFLAGS= bash -ev "$NM_TMP/steps") </dev/null >"$NM_TMP/said" 2>&1 || code=$?
	sed 's/^/  /' "$NM_TMP/said"
	return "$code"
}

# tagged: the rules and elements of the container and its bridge
tagged() {
	tags host | grep -E 'natmap:(web|@network/)' || :
}

bridge_is_gone() {
	[[ "$(on host ip -brief link)" != *natmap0* ]]
}

finish() {
	local code=$?
	[[ ! -d /run/runc/web ]] || on host runc delete --force web || code=1
	net_down || code=1
	rm -rf "${NM_TMP:-}"
	[[ $code = 0 ]] || echo "The demo failed." >&2
	exit "$code"
}

if [[ $(id -u) != 0 ]]; then
	echo "demo: run this as root, it makes network namespaces and a container" >&2
	exit 1
fi
if [[ ! -x "$NATMAP" ]]; then
	echo "demo: $NATMAP is missing, build it first: make" >&2
	exit 1
fi
if [[ "${1:-}" != inside ]]; then
	exec unshare --mount --propagation private -- "$0" inside
fi
trap finish EXIT
trap 'exit 1' INT TERM
place

step "A throwaway host, 192.0.2.1, and a client outside, 192.0.2.2. On the host, README's quick start:"
net_up
follow 1 "$NM_TREE"

step "The client has the page, too"
echo '  curl http://192.0.2.1:8080/'
page=$(on ext curl --silent --show-error --max-time 5 --noproxy '*' http://192.0.2.1:8080/)
echo "  $page"
assert "$page" = "$(<"$NM_TREE/web/rootfs/index.html")" "the page"

step "What natmap has made on the host: a bridge, the container's port, and rules"
on host ip -brief link show master natmap0 | sed 's/^/  /'
tagged | sed 's/^/  /'

step "The end of the container"
follow 2 "$NM_TREE/web"
assert "$(tagged)" = "" "rules of the container"
assert_no_reach ext tcp 192.0.2.1 8080
wait_for bridge_is_gone
echo "  nothing of it is left, and port 8080 is closed again"
