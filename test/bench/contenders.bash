# shellcheck shell=bash
# shellcheck disable=SC2154 # $programs comes from scale.sh, $spawned from net.bash
# What scale.sh compares: how each contender's host comes up, gets its mappings, and publishes one more.
#
# A host of a contender with N mappings is the node CONTENDER-N, with a container in CONTENDER-N-ctr and a client in
# CONTENDER-N-ext. All publish 8080 for port 80 of the container 10.88.0.3; the other mappings, 10000 and on, lead to
# 10.88.1.1 and on.

portmap=/usr/lib/cni/portmap
netavark=/usr/lib/podman/netavark
host_port=8080 container=10.88.0.3

# host_up HOST: the host, its client outside, and the namespace of its container
host_up() {
	local n
	for n in "$1" "$1-ctr" "$1-ext"; do
		NM_NODES+=" $n"
		ip netns add "$NM_NS-$n"
		ip -n "$NM_NS-$n" link set lo up
	done
	ip -n "$NM_NS-$1" -batch - <<-END
		link add up0 type veth peer name eth0 netns $NM_NS-$1-ext
		addr add 192.0.2.1/24 dev up0
		link set up0 up
	END
	ip -n "$NM_NS-$1-ext" -batch - <<-END
		addr add 192.0.2.2/24 dev eth0
		link set eth0 up
		route add default via 192.0.2.1
	END
	on "$1-ext" sh -c 'echo 1024 65535 >/proc/sys/net/ipv4/ip_local_port_range'
	on "$1" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
}

# bridge_up HOST: the container on a bridge, for all but netavark, which makes them itself
bridge_up() {
	ip -n "$NM_NS-$1" -batch - <<-END
		link add br0 type bridge
		addr add 10.88.0.1/16 dev br0
		link set br0 up
		link add vctr type veth peer name eth0 netns $NM_NS-$1-ctr
		link set vctr master br0 up
	END
	ip -n "$NM_NS-$1-ctr" -batch - <<-END
		addr add $container/16 dev eth0
		link set eth0 up
		route add default via 10.88.0.1
	END
}

# job NAME HOST STDIN WORD...: a line for `measure`. NAME is QUANTITY:CONTENDER:N, or begins with -: that is not counted.
job() {
	printf '%s %s %s' "$1" "$(netns "$2")" "$NM_TMP/$3"
	printf ' %s' "${@:4}"
	echo
}

# jobs HOST: withdraws and publishes once more
jobs() {
	jobs_"${1%-*}" "$1" "${1%-*}:${1##*-}"
}

# up CONTENDER N: a host with N mappings, that of the container among them
up() {
	host_up "$1-$2"
	up_"$1" "$1-$2" "$2"
}

# natmap BACKEND HOST: the words of its command, in $natmap
natmap() {
	natmap=("$NATMAP" --config "$NM_TMP/natmap-$1.json" --state-dir "$NM_TMP/state-$2")
}

# natmap_config BACKEND: as an administrator has it who gives out the addresses: the other containers of fill.c are none
natmap_config() {
	printf '{"backend": "%s", "policy": {"address": ["10.88.0.0/16"], "max_ports": 65535}}\n' "$1" >"$NM_TMP/natmap-$1.json"
	chmod 0600 "$NM_TMP/natmap-$1.json"
}

# natmap_has BACKEND: whether this natmap has it; ends the script when it says otherwise in another way
natmap_has() {
	local natmap code=0
	natmap_config "$1"
	natmap "$1" "none-$1"
	unshare -n "${natmap[@]}" reload >"$NM_TMP/list" 2>&1 || code=$?
	case $code in
	0) return 0 ;;
	2) return 1 ;;
	*)
		cat "$NM_TMP/list" >&2
		exit 1
		;;
	esac
}

up_natmap() { # up_natmap HOST N BACKEND
	local natmap
	natmap "$3" "$1"
	bridge_up "$1"
	spawn "$1-ctr" sleep infinity
	state bench "$spawned" creating "io.natmap.ports=0.0.0.0:$host_port:80" >"$NM_TMP/$1.json"
	on "$1" "${natmap[@]}" hook createRuntime <"$NM_TMP/$1.json"
	on "$1" "$programs/fill" "$NM_TMP/state-$1" "$(($2 - 1))"
	on "$1" "${natmap[@]}" reload
	on "$1" "${natmap[@]}" check >/dev/null
	assert "$(grep -c '^{"live":1' "$NM_TMP/state-$1/state")" = "$2" "containers in the state of $1"
}

up_iptables() {
	up_natmap "$1" "$2" iptables
	assert_dnats "$1" "$2" ' NATMAP '
}

up_nftables() {
	up_natmap "$1" "$2" nftables
}

jobs_natmap() { # jobs_natmap HOST NAME BACKEND
	local natmap
	natmap "$3" "$1"
	job "withdraw:$2" "$1" stopped.json "${natmap[@]}" hook poststop
	job "publish:$2" "$1" "$1.json" "${natmap[@]}" hook createRuntime
}

jobs_iptables() { jobs_natmap "$1" "$2" iptables; }
jobs_nftables() { jobs_natmap "$1" "$2" nftables; }

# reload_jobs HOST: writes all rules again, into a kernel that has none left, and with nothing to do
reload_jobs() {
	local natmap name=${1%-*}:${1##*-}
	natmap "${1%-*}" "$1"
	job -flush "$1" stopped.json "$(command -v nft)" flush ruleset
	job "restore:$name" "$1" stopped.json "${natmap[@]}" reload
	job "reload:$name" "$1" stopped.json "${natmap[@]}" reload
}

# assert_dnats HOST N [TEXT]: there are N rules with -j DNAT, in lines with TEXT
assert_dnats() {
	assert "$(on "$1" iptables-save -t nat | grep -- '-j DNAT' | grep -c -- "${3:-}")" = "$2" "DNAT rules of $1"
}

# copy_rules HOST N COMMAND...: with 10,000 mappings these two take minutes for what natmap does by reload, so what
# COMMAND, which publishes, adds to the rules is taken as a pattern; N more like it are written at once.
copy_rules() {
	local n=$2 save=(on "$1" iptables-save -t nat)
	"${save[@]}" | sed '/^#/d' >"$NM_TMP/before"
	on "$1" "${@:3}" >/dev/null
	"${save[@]}" | sed '/^#/d' | grep -vxF -f "$NM_TMP/before" >"$NM_TMP/pattern"
	{
		echo "*nat"
		awk -v n="$n" -v container="$container" -v port="$host_port" '
			function print_copy(i, copy) {
				gsub(/CNI-DN-[0-9a-f]+/, sprintf("CNI-DN-%021x", i), copy)
				sub(" " container ":", sprintf(" 10.88.%d.%d:", 1 + i / 250, 1 + i % 250), copy)
				sub("--dports? " port " ", "&@", copy)
				sub(port " @", 10000 + i " ", copy)
				sub(/id: [\\]?"?bench/, "&-" i, copy)
				print copy
			}
			BEGIN { gsub(/\./, "[.]", container) }
			/^:/ { for (i = 0; i < n; i++) print_copy(i, $0); next }
			{ rule[++rules] = $0 }
			END { for (i = 0; i < n; i++) for (r = 1; r <= rules; r++) print_copy(i, rule[r]) }
			' "$NM_TMP/pattern"
		echo COMMIT
	} >"$NM_TMP/copies"
	on "$1" iptables-restore --noflush <"$NM_TMP/copies"
}

portmap_words() { # portmap_words HOST COMMAND
	words=("$(command -v env)" CNI_COMMAND="$2" CNI_CONTAINERID=bench CNI_NETNS="$(netns "$1-ctr")" CNI_IFNAME=eth0
		CNI_PATH="${portmap%/*}" "$portmap")
}

portmap_config() {
	jq -n --arg netns "$(netns "$1-ctr")" --arg address "$container/16" --argjson port "$host_port" '{
		cniVersion: "1.0.0", name: "bench", type: "portmap", capabilities: {portMappings: true}, snat: true,
		runtimeConfig: {portMappings: [{hostPort: $port, containerPort: 80, protocol: "tcp"}]},
		prevResult: {cniVersion: "1.0.0", interfaces: [{name: "br0"}, {name: "eth0", sandbox: $netns}],
			ips: [{interface: 1, address: $address, gateway: "10.88.0.1"}]}}'
}

up_portmap() {
	local words
	bridge_up "$1"
	portmap_config "$1" >"$NM_TMP/$1.json"
	portmap_words "$1" ADD
	on "$1" "${words[@]}" <"$NM_TMP/$1.json" >/dev/null
	portmap_words "$1" DEL
	on "$1" "${words[@]}" <"$NM_TMP/$1.json"
	assert_dnats "$1" 0
	portmap_words "$1" ADD
	copy_rules "$1" "$(($2 - 1))" "${words[@]}" <"$NM_TMP/$1.json"
	assert_dnats "$1" "$2"
}

jobs_portmap() {
	local words
	portmap_words "$1" DEL
	job "withdraw:$2" "$1" "$1.json" "${words[@]:1}"
	portmap_words "$1" ADD
	job "publish:$2" "$1" "$1.json" "${words[@]:1}"
}

# netavark_config ID ADDRESS PORTS: a container on a bridge network as podman would have it
netavark_config() {
	jq -n --arg id "$1" --arg ip "$2" --argjson ports "$3" '{
		container_id: $id, container_name: $id, port_mappings: $ports,
		networks: {bench: {interface_name: "eth0", static_ips: [$ip]}},
		network_info: {bench: {name: "bench", id: ("be" * 32), driver: "bridge", network_interface: "br0",
			subnets: [{subnet: "10.88.0.0/16", gateway: "10.88.0.1"}], ipv6_enabled: false, internal: false,
			dns_enabled: false, ipam_options: {driver: "host-local"}}}}'
}

netavark_words() { # netavark_words setup|teardown NODE
	words=("$(command -v env)" NETAVARK_FW="${netavark_driver:-iptables}" "$netavark" --config "$NM_TMP/netavark" "$1" "$(netns "$2")")
}

# Another container stays on the network, so that its bridge and its chains do.
up_netavark() {
	local words
	NM_NODES+=" $1-ctr2"
	ip netns add "$NM_NS-$1-ctr2"
	netavark_config other 10.88.0.2 '[]' >"$NM_TMP/$1-other.json"
	netavark_config bench "$container" '[]' >"$NM_TMP/$1-bare.json"
	netavark_config bench "$container" "[{\"container_port\": 80, \"host_ip\": \"\", \"host_port\": $host_port,
		\"protocol\": \"tcp\", \"range\": 1}]" >"$NM_TMP/$1.json"
	netavark_words setup "$1-ctr2"
	on "$1" "${words[@]}" <"$NM_TMP/$1-other.json" >/dev/null
	netavark_words setup "$1-ctr"
	copy_rules "$1" "$(($2 - 1))" "${words[@]}" <"$NM_TMP/$1.json"
	assert_dnats "$1" "$2"
}

# Its setup makes the container's interface, too, which is the CNI bridge plugin's work beside portmap, and the
# runtime's user's beside natmap. So it is measured with and without a port: the difference is what a port costs.
jobs_netavark() {
	local setup teardown words
	netavark_words setup "$1-ctr"
	setup=("${words[@]:1}")
	netavark_words teardown "$1-ctr"
	teardown=("${words[@]:1}")
	job "withdraw:netavark-whole:${2#*:}" "$1" "$1.json" "${teardown[@]}"
	job "publish:netavark-bare:${2#*:}" "$1" "$1-bare.json" "${setup[@]}"
	job "withdraw:netavark-bare:${2#*:}" "$1" "$1-bare.json" "${teardown[@]}"
	job "publish:netavark-whole:${2#*:}" "$1" "$1.json" "${setup[@]}"
}
