#!/bin/bash
# `make demo`: publishes port 8080 of a throwaway host for a real runc container, shows what natmap does for that, and
# leaves nothing behind. As root. All of it happens in network namespaces: the machine's own rules are not touched.
set -eu

# shellcheck source=test/helpers/natmap.bash
. "$(dirname "$0")/helpers/natmap.bash"
# shellcheck source=test/helpers/runc.bash
. "$NM_TREE/test/helpers/runc.bash"

bold="" plain=""
if [[ -t 1 ]]; then
	bold=$'\e[1m' plain=$'\e[0m'
fi

step() {
	printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}


# fetch NODE ADDRESS: the container's page, as seen from there
fetch() {
	local page
	printf '  %s# curl http://%s/\n' "$1" "$2"
	page=$(on "$1" curl --silent --show-error --max-time 5 --noproxy '*' "http://$2/") || return 1
	printf '      %s\n' "$page"
	assert "$page" = "$greeting" "the page"
}

# tagged: the rules that carry a container's comment, as iptables shows them
tagged() {
	local table
	for table in nat filter; do
		on host iptables -t "$table" -S | sed -n "/natmap:web:/s/^/      $table  /p"
	done
}

finish() {
	local code=$?
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

greeting="Hello from a container of $RUNTIME"
trap finish EXIT
trap 'exit 1' INT TERM

step "A host (192.0.2.1), a client outside (192.0.2.2) and a container (10.88.7.2) on the host's bridge"
net_up
mapfile -t argv < <(natmap_argv)
bundle_make web "echo '$greeting' >/tmp/index.html; exec httpd -f -p 80 -h /tmp" 8080:80
echo "  the bundle's config.json has the annotation io.natmap.ports and two hooks:"
jq -c '.annotations, (.hooks | map_values(.[0].args | .[0:1] + .[-2:]))' "$NM_TMP/web/config.json" | sed 's/^/      /'

step "$RUNTIME starts it, and natmap publishes its port"
ctr_run web
tagged
# The server needs a moment to listen.
wait_for on host curl --silent --max-time 1 --noproxy '*' http://10.88.7.2/

step "The page comes through the published port"
fetch ext 192.0.2.1:8080
fetch host 127.0.0.1:8080
printf '  host# natmap list\n'
on host "${argv[@]}" list | sed 's/^/      /'

step "$RUNTIME deletes it, and natmap withdraws the port"
ctr_delete web
assert "$(tagged)" = "" "rules of the container"
assert_no_reach ext tcp 192.0.2.1 8080
echo "  no rule of the container is left, and port 8080 is closed again"
