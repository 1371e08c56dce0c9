#!/bin/bash
# network.sh [ROUNDS [CONTAINERS [AT_ONCE]]]: the whole network of a bare container and one port of it, IPv4 and IPv6: natmap's
# hooks side by side with CNI bridge and portmap, and with netavark, each with both of its backends, in one run and in turns; then
# containers started and ended in a loop, several at once, and what is left of them. In Debian unstable (test/userlands.sh).
#
# Another container stays on each network, as CNI's bridge stays always; contenders named first_* make theirs, and remove it.
# CNI's plugins are measured one by one: whoever starts them, and hands the result of one to the next, costs nothing here; they
# and netavark are told the addresses, which natmap chooses. The namespaces are there before and after. The plugin bridge of CNI
# masquerades by iptables, since its end fails if it did by nftables (1.9.1, iptables 1.8.13: "Chain ... does not exist"). In the
# loop netavark has podman's lock, without which one run fails in another's bridge and rules.
#
# The machine's own network is not touched. The exit status tells whether everything ran, not whether the numbers are good.
set -eu -o pipefail

cd "$(dirname "$0")/../.."
if [[ "${1:-}" != inside ]]; then
	packages="netavark containernetworking-plugins iproute2 procps"
	test/userlands.sh prepare sid sh -c "dpkg-query -W $packages >/dev/null 2>&1 ||
		{ apt-get -q -o Acquire::Check-Valid-Until=false update && apt-get -qy --no-install-recommends install $packages; }" >/dev/null
	exec test/userlands.sh run sid /mnt/test/bench/network.sh inside "$@"
fi
shift

# shellcheck source=test/helpers/natmap.bash
. test/helpers/natmap.bash

rounds=${1:-15} containers=${2:-200} at_once=${3:-8}
programs=$NM_BUILD/test/bench plugins=/usr/lib/cni netavark=/usr/lib/podman/netavark
pause_ms=100 # what natmap and the kernel delete behind a hook is gone then
ours="nftables iptables"
peers="cni_nftables cni_iptables netavark_nftables netavark_iptables"

# outside HOST: the host, which forwards, and a client outside; both have both families
outside() {
	box "$1"
	box "$1-ext"
	ip -n "$NM_NS-$1" -batch - <<-END
		link set lo up
		link add up0 type veth peer name eth0 netns $NM_NS-$1-ext
		addr add 192.0.2.1/24 dev up0
		addr add fd00:99::1/64 dev up0 nodad
		link set up0 up
	END
	ip -n "$NM_NS-$1-ext" -batch - <<-END
		addr add 192.0.2.2/24 dev eth0
		addr add fd00:99::2/64 dev eth0 nodad
		link set eth0 up
		route add default via 192.0.2.1
		route add default via fd00:99::1
	END
	on "$1" sh -c 'cd /proc/sys/net && echo 1 >ipv4/ip_forward && echo 1 >ipv6/conf/all/forwarding'
}

# job NAME HOST STDIN WORD...: a line for `measure`. NAME is QUANTITY:CONTENDER, or - for what is not counted.
job() {
	printf '1 %s %s %s' "$1" "$(netns "$2")" "$NM_TMP/$3"
	printf ' %s' "${@:4}"
	echo
}

# box NODE: an empty network namespace
box() {
	NM_NODES+=" $1"
	ip netns add "$NM_NS-$1"
}

# --- contenders: prepare_KIND HOST BACKEND NODE LAST PORT: writes what the container there needs: its addresses end in LAST, and
# PORT is published; jobs_KIND HOST BACKEND NODE start|end: the jobs that start or end it, in NAME. NAME-part is counted with NAME.

natmap_words() { # natmap_words HOST BACKEND
	words=("$NATMAP" --config "$NM_TMP/natmap-$2.json" --state-dir "$NM_TMP/state-$1")
}

prepare_natmap() {
	printf '{"backend": "%s", "policy": {"network": true}}\n' "$2" >"$NM_TMP/natmap-$2.json"
	chmod 0600 "$NM_TMP/natmap-$2.json"
	state "$3" @ creating io.natmap.network=bridge "io.natmap.ports=$5:80" >"$NM_TMP/$3.model"
	state "$3" - stopped >"$NM_TMP/$3.end"
}

jobs_natmap() {
	local words stage=createRuntime
	natmap_words "$1" "$2"
	[[ "$4" = start ]] || stage=poststop
	job "$name" "$1" "$3.$4" "${words[@]}" hook "$stage"
}

prepare_cni() {
	local head='"cniVersion": "1.0.0", "name": "bench"' ips="[\"10.86.0.$4/24\", \"fd00:86::$4/64\"]" netns
	netns=$(netns "$3")
	cat >"$NM_TMP/$3.bridge" <<-END
		{$head, "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "ipMasqBackend": "iptables", "hairpinMode": true,
		 "capabilities": {"ips": true}, "runtimeConfig": {"ips": $ips},
		 "ipam": {"type": "host-local", "dataDir": "$NM_TMP/cni-$1", "ranges": [[{"subnet": "10.86.0.0/24"}], [{"subnet": "fd00:86::/64"}]],
		  "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}}
	END
	cat >"$NM_TMP/$3.portmap" <<-END
		{$head, "type": "portmap", "backend": "$2", "snat": true, "capabilities": {"portMappings": true},
		 "runtimeConfig": {"portMappings": [{"hostPort": $5, "containerPort": 80, "protocol": "tcp"}]},
		 "prevResult": {"cniVersion": "1.0.0", "interfaces": [{"name": "cni0"}, {"name": "eth0", "sandbox": "$netns"}],
		  "ips": [{"interface": 1, "address": "10.86.0.$4/24", "gateway": "10.86.0.1"},
		          {"interface": 1, "address": "fd00:86::$4/64", "gateway": "fd00:86::1"}]}}
	END
}

jobs_cni() {
	local plugin command=ADD list="bridge portmap"
	[[ "$4" = start ]] || command=DEL list="portmap bridge"
	for plugin in $list; do
		job "$name-$plugin" "$1" "$3.$plugin" "CNI_COMMAND=$command" "CNI_CONTAINERID=$3" "CNI_NETNS=$(netns "$3")" CNI_IFNAME=eth0 \
			"CNI_PATH=$plugins" "$plugins/$plugin"
	done
}

prepare_netavark() {
	mkdir -p "$NM_TMP/netavark-$1"
	cat >"$NM_TMP/$3.json" <<-END
		{"container_id": "$(printf '%s' "$3" | sha256sum | cut -d' ' -f1)", "container_name": "$3",
		 "port_mappings": [{"container_port": 80, "host_ip": "", "host_port": $5, "protocol": "tcp", "range": 1}],
		 "networks": {"bench": {"interface_name": "eth0", "static_ips": ["10.86.0.$4", "fd00:86::$4"]}},
		 "network_info": {"bench": {"name": "bench", "id": "$(printf 'be%.0s' {1..32})", "driver": "bridge", "network_interface": "br0",
		  "subnets": [{"subnet": "10.86.0.0/24", "gateway": "10.86.0.1"}, {"subnet": "fd00:86::/64", "gateway": "fd00:86::1"}],
		  "ipv6_enabled": true, "internal": false, "dns_enabled": false, "ipam_options": {"driver": "host-local"}}}}
	END
}

jobs_netavark() {
	local command=setup lock=()
	[[ "$4" = start ]] || command=teardown
	[[ "$1" != loop_* ]] || lock=("$(command -v flock)" "$NM_TMP/lock")
	job "$name" "$1" "$3.json" "NETAVARK_FW=$2" "${lock[@]}" "$netavark" --config "$NM_TMP/netavark-$1" "$command" "$(netns "$3")"
}

# kind WHO: sets $kind and $backend of a contender
kind() {
	backend=${1##*_}
	case $1 in
	cni_* | netavark_*) kind=${1%_*} ;;
	*) kind=natmap ;;
	esac
}

# does NODE...: contender $who prepares these containers of host $host, the first of them with the addresses in .$last
does() {
	local node kind backend
	kind "$who"
	for node; do
		box "$node"
		prepare_"$kind" "$host" "$backend" "$node" "$last" "$((8000 + last))"
		last=$((last + 1))
	done
}

# jobs NODE start|end NAME: the jobs of contender $who on host $host
jobs() {
	local kind backend name=$3
	kind "$who"
	jobs_"$kind" "$host" "$backend" "$1" "$2"
}

# life NODE begin|end: a job that begins or ends the container's process, which a hook after the end finds no longer. Its namespace
# stays, since CNI and netavark are told of it; in turns they, who do not ask for the process, do without it.
life() {
	[[ -e "$NM_TMP/$1.model" ]] || return 0
	job - "$host" stopped.json /bin/sh "$NM_TMP/$2" "$(netns "$1")" "$NM_TMP/$1"
}

# begin NODE...: the same at once
begin() {
	local node
	for node; do
		sh "$NM_TMP/begin" "$(netns "$node")" "$NM_TMP/$node"
	done
}

# ends: those that live end
ends() {
	local pid
	while read -r pid; do
		kill -KILL "$pid" 2>/dev/null || :
	done < <(cat "$NM_TMP"/*.pid)
	rm "$NM_TMP"/*.pid
	net_down
	NM_NS=nm-$$ NM_NODES=
	: >"$NM_TMP/pids"
}

# lives: the scripts of these jobs
lives() {
	echo x >"$NM_TMP/stopped.json"
	cat >"$NM_TMP/begin" <<-"END"
		nsenter --net="$1" setsid sleep 100000 </dev/null >/dev/null 2>&1 &
		until [ "/proc/$!/ns/net" -ef "$1" ]; do :; done
		echo $! >"$2.pid"
		[ ! -e "$2.model" ] || sed "s/@/$!/" "$2.model" >"$2.start"
	END
	cat >"$NM_TMP/end" <<-"END"
		read -r pid <"$2.pid"
		kill -KILL "$pid"
		while [ -e "/proc/$pid/ns/net" ]; do :; done
	END
}

# runs JOB...: of stdin, once
runs() {
	cat >"$NM_TMP/once"
	"$programs/measure" 1 0 "$NM_TMP/once" >/dev/null
}

# --- what is measured

# up WHO: its host, a container that stays (not with first_*), and the one that is measured, whose port is reached
up() {
	local who=$1 host=$1 last=10
	outside "$host"
	does "$host-web" "$host-stays"
	begin "$host-web" "$host-stays"
	[[ "$who" = first_* ]] || jobs "$host-stays" start - | runs
	jobs "$host-web" start - | runs
	serve "$host-web" tcp 80 "$who"
	assert_reach "$who" "$host-ext" tcp 192.0.2.1 8010
	assert_reach "$who" "$host-ext" tcp fd00:99::1 8010
}

# left HOST: interfaces, rules and elements, and files of the host
left() {
	local files
	files=$(find "$NM_TMP/cni-$1" "$NM_TMP/netavark-$1" -type f 2>/dev/null | wc -l)
	[[ ! -e "$NM_TMP/state-$1/state" ]] || files=$(grep -c '^{"live":1' "$NM_TMP/state-$1/state" || :)
	printf '%s %s %s\n' "$(on "$1" ip -o link | wc -l)" "$(on "$1" nft -a list ruleset 2>/dev/null | grep -cE 'ct state|dport|daddr|saddr|elements|comment' || :)" "$files"
}

# loop WHO: so many containers, $at_once at a time, each in a namespace of its own; containers per second, and what is left
loop() {
	local who=$1 host=loop_$1 last=10 worker i begin end pids=() nodes=()
	outside "$host"
	for ((i = 0; i < containers; i++)); do
		nodes+=("$host-c$i")
	done
	does "$host-stays" "${nodes[@]}"
	begin "$host-stays" "${nodes[@]}"
	jobs "$host-stays" start - | runs
	jobs "$host-c0" start - | runs # chains and files that stay
	jobs "$host-c0" end - | runs
	wait_for settled
	for ((worker = 0; worker < at_once; worker++)); do
		for ((i = worker; i < containers; i += at_once)); do
			jobs "$host-c$i" start "loop:$who:start"
			job - "$host" stopped.json "$(type -P kill)" -KILL "$(<"$NM_TMP/$host-c$i.pid")"
			jobs "$host-c$i" end "loop:$who:end"
		done | split -a 4 -l 30 - "$NM_TMP/loop.$worker."
	done
	before=$(left "$host")
	begin=$(date +%s%N)
	for ((worker = 0; worker < at_once; worker++)); do
		for file in "$NM_TMP/loop.$worker."*; do
			"$programs/measure" 1 0 "$file"
		done >/dev/null &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i"
	done
	end=$(date +%s%N)
	rm "$NM_TMP"/loop.*
	wait_for settled
	echo "loop $who $(awk -v ns=$((end - begin)) -v n="$containers" 'BEGIN { print n / ns * 1e9 }') $before $(left "$host")" >>"$NM_TMP/result"
	ends
}

# settled: no natmap still deletes something
settled() {
	local exe
	for exe in /proc/[0-9]*/exe; do
		[[ ! "$exe" -ef "$NATMAP" ]] || return 1
	done
}

run() {
	local who host
	for who in $ours first_nftables first_iptables $peers; do
		up "$who"
	done
	for who in $ours first_nftables first_iptables $peers; do
		host=$who
		life "$host-web" end
		jobs "$host-web" end "poststop:$who"
		life "$host-web" begin
		jobs "$host-web" start "createRuntime:$who"
	done >"$NM_TMP/all"
	"$programs/measure" "$rounds" "$pause_ms" "$NM_TMP/all" | sed 's/[:-]/ /g' >"$NM_TMP/turns"
	awk '{ print $1, $2, (NF > 8 ? $3 : "-"), $(NF - 5) }' "$NM_TMP/turns" >"$NM_TMP/result"
	ends
	for who in $ours $peers; do
		printf '%4d s  %s containers, %s at once: %s\n' "$SECONDS" "$containers" "$at_once" "$who"
		loop "$who"
	done
}

finish() {
	local code=$?
	[[ -z "$NM_NODES" ]] || ends || code=1
	rm -rf "$NM_TMP"
	[[ $code = 0 ]] || echo "bench: failed" >&2
	exit "$code"
}

NM_NS=nm-$$
NM_NODES=
NM_TMP=$(mktemp -d /run/natmap-bench.XXXXXX)
lives
: >"$NM_TMP/pids"
trap finish EXIT
trap 'exit 1' INT TERM
run
printf '\nLinux %s, %s processors, CNI plugins %s, %s; %s rounds in turns\n\n' "$(uname -r | cut -d- -f1)" "$(nproc)" \
	"$(dpkg-query -W -f='${Version}' containernetworking-plugins)" "$("$netavark" --version)" "$rounds"
awk -f test/bench/network.awk "$NM_TMP/result"
