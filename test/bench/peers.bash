# shellcheck shell=bash
# shellcheck disable=SC2154 # $programs, $netavark_driver and $dual come from sections.sh and contenders.bash
# The contenders of contenders.bash that are not natmap.

plugins=/usr/lib/cni
netavark=/usr/lib/podman/netavark

# --- by hand: files with what comes and what goes

# by_hand WHO HOST GROUP COMMAND...: its two jobs
by_hand() {
	job "$3:publish:$1" "$2" "$2.add" "${@:4}"
	job "$3:withdraw:$1" "$2" "$2.del" "${@:4}"
}

# hand_rules PLAN N: iptables-restore's lines for N mappings like that of natmap's plan
hand_rules() {
	awk -v n="$2" '
		/^\*/ || /^COMMIT/ { flush(); print; next }
		/^-A/ && /natmap:bench/ { rule[++rules] = $0 }
		function flush(i, r, copy) {
			for (i = 0; i < n; i++)
				for (r = 1; r <= rules; r++) {
					copy = rule[r]
					gsub(8080, 10000 + i, copy)
					print copy
				}
			rules = 0
		}' "$1"
}

# hand_files HOST PLAN: what comes and goes by hand
hand_files() {
	sed '/^-A/{/natmap:bench/!d}; /^:/d' "$2" >"$NM_TMP/$1.add"
	sed 's/^-[AI] \([A-Za-z]*\)\( [0-9]*\)\? /-D \1 /' "$NM_TMP/$1.add" >"$NM_TMP/$1.del"
}

# plan_ipt HOST: prints what natmap would write for bench, for iptables-restore
plan_ipt() {
	local natmap
	natmap iptables "$1"
	on "$1" "${natmap[@]}" plan --format iptables <"$NM_TMP/$1-bench.createRuntime" | sed '/^# ip6tables/,$d; s/^-4 //'
}

up_hand_ipt() {
	local plan=$NM_TMP/$2.plan
	bridge_up "$2"
	ctr_natmap iptables "$2" bench 8080 80 1
	plan_ipt "$2" >"$plan"
	sed '/^-A/{/natmap:bench/d}' "$plan" | on "$2" iptables-restore
	hand_rules "$plan" "$3" | on "$2" iptables-restore -n
	assert_dnats "$2" $((3 * $3)) iptables-save -t nat
	hand_files "$2" "$plan"
}
ctr_hand_ipt() { :; }
jobs_hand_ipt() { by_hand "$1" "$2" "$4" "$(command -v iptables-restore)" -n; }

up_hand_natmap() {
	up_natmap iptables "${@:2}"
	plan_ipt "$2" >"$NM_TMP/$2.plan"
	hand_files "$2" "$NM_TMP/$2.plan"
}
ctr_hand_natmap() { :; }
jobs_hand_natmap() { jobs_hand_ipt "$@"; }

up_hand_nft() {
	bridge_up "$2"
	{
		echo 'table ip hand { map ports { type inet_proto . inet_service : ipv4_addr . inet_service
			elements = { tcp . 1 : 10.88.1.1 . 80'
		[[ $3 = 0 ]] || seq -f ', tcp . %.0f : 10.88.1.1 . 80' 10000 $((9999 + $3))
		echo '}; }
			set flows { type ipv4_addr . inet_service; }
			chain pre { type nat hook prerouting priority -100; dnat ip addr . port to meta l4proto . th dport map @ports; }
			chain out { type nat hook output priority -100; dnat ip addr . port to meta l4proto . th dport map @ports; }
			chain post { type nat hook postrouting priority 99; ip daddr . tcp dport @flows masquerade; }
			}'
	} | on "$2" nft -f -
	printf 'add element ip hand %s\n' 'ports { tcp . 8080 : 10.88.0.3 . 80 }' 'flows { 10.88.0.3 . 80 }' >"$NM_TMP/$2.add"
	sed 's/^add/delete/; s/ : .* }$/ }/' "$NM_TMP/$2.add" >"$NM_TMP/$2.del"
}
ctr_hand_nft() { :; }
jobs_hand_nft() { by_hand "$1" "$2" "$4" "$(command -v nft)" -f -; }

# --- CNI

# copied WHO HOST N: where some thousand mappings would take minutes, the rules of one that it publishes are taken as a
# pattern, and N more like it are written at once.
copied() {
	ctr "$1" "$2" bench 8080 80 1 0.3
	now "$1" "$2" bench publish
	now "$1" "$2" bench withdraw
	on "$2" iptables-save -t nat | sed '/^#/d' >"$NM_TMP/before"
	now "$1" "$2" bench publish
	copy_rules "$2" "$3"
	now "$1" "$2" bench withdraw
	assert_dnats "$2" "$3" iptables-save -t nat
}

copy_rules() {
	on "$1" iptables-save -t nat | sed '/^#/d' | grep -vxF -f "$NM_TMP/before" >"$NM_TMP/pattern"
	{
		echo "*nat"
		awk -v n="$2" '
			function print_copy(i, copy) {
				gsub(/CNI-DN-[0-9a-f]+/, sprintf("CNI-DN-%021x", i), copy)
				sub(/ 10[.]88[.]0[.]3:/, sprintf(" 10.88.%d.%d:", 1 + i / 250, 1 + i % 250), copy)
				sub(/--dports? 8080 /, "&@", copy)
				sub(/8080 @/, 10000 + i " ", copy)
				sub(/id: [\\]?"?bench/, "&-" i, copy)
				print copy
			}
			/^:/ { for (i = 0; i < n; i++) print_copy(i, $0); next }
			{ rule[++rules] = $0 }
			END { for (i = 0; i < n; i++) for (r = 1; r <= rules; r++) print_copy(i, rule[r]) }
			' "$NM_TMP/pattern"
		echo COMMIT
	} >"$NM_TMP/copies"
	on "$1" iptables-restore --noflush <"$NM_TMP/copies"
}

# now WHO HOST NAME publish|withdraw: the job, at once
now() {
	jobs "$1" now "$3" "$2" | grep " now:$4:" >"$NM_TMP/now"
	"$programs/measure" 1 0 "$NM_TMP/now" >/dev/null
}

ctr_portmap() {
	jq -n --arg netns "$(netns "$2-$3")" --arg ip "10.88.$7/16" --arg backend "${1#portmap}" --arg dual "$dual" \
		--argjson host "$4" --argjson ctr "$5" --argjson n "$6" '{
		cniVersion: "1.0.0", name: "bench", type: "portmap", capabilities: {portMappings: true}, snat: true,
		backend: (if $backend == "_nft" then "nftables" else "iptables" end),
		runtimeConfig: {portMappings: [range($n) | {hostPort: ($host + .), containerPort: ($ctr + .), protocol: "tcp"}]},
		prevResult: {cniVersion: "1.0.0", interfaces: [{name: "br0"}, {name: "eth0", sandbox: $netns}],
			ips: ([{interface: 1, address: $ip, gateway: "10.88.0.1"}] +
				if $dual == "" then [] else [{interface: 1, address: "fd00:88::3/64", gateway: "fd00:88::1"}] end)}}' \
		>"$NM_TMP/$2-$3.json"
}

jobs_portmap() {
	local job verb=ADD
	for job in publish withdraw; do
		job "$4:$job:$1" "$2" "$2-$3.json" CNI_COMMAND="$verb" CNI_CONTAINERID="$3" CNI_NETNS="$(netns "$2-$3")" \
			CNI_IFNAME=eth0 CNI_PATH="$plugins" "$plugins/portmap"
		verb=DEL
	done
}

# All others are of one container with nftables, where that makes no difference.
up_portmap() {
	local others=$3
	bridge_up "$2"
	if [[ "$1" = portmap ]]; then
		copied "$@"
	elif [[ "$others" != 0 ]]; then
		nodes_up "$2-others"
		ctr_portmap "$1" "$2" others 10000 80 "$others" 0.3
		now "$1" "$2" others publish
		assert_dnats "$2" "$others" nft list ruleset
	fi
}

# assert_dnats HOST N COMMAND...: the command lists so many rules that translate a port
assert_dnats() {
	assert "$(on "$1" "${@:3}" | grep -cE -- '-j DNAT|dport [0-9]+ dnat ')" = "$2" "rules of $1"
}

# A container of its own, which the plugin `bridge` gives eth0 with 10.88.0.4.
ctr_cni() {
	local dir=$NM_TMP/$2-cni
	nodes_up "$2-cni"
	ctr_portmap portmap "$2" cni 8081 80 1 0.4
	mkdir "$dir"
	echo '{"cniVersion": "1.0.0", "name": "bench", "type": "bridge", "bridge": "br0", "isGateway": true, "ipam":
		{"type": "static", "addresses": [{"address": "10.88.0.4/16", "gateway": "10.88.0.1"}]}}' >"$dir/bridge"
	printf '%s\n' "$plugins/bridge <$dir/bridge >/dev/null && exec $plugins/portmap" >"$dir/ADD"
	printf '%s\n' "$plugins/portmap && exec $plugins/bridge <$dir/bridge" >"$dir/DEL"
}

jobs_cni() {
	local job verb=ADD
	for job in publish withdraw; do
		job "$4:$job:cni" "$2" "$2-cni.json" CNI_COMMAND="$verb" CNI_CONTAINERID=cni CNI_NETNS="$(netns "$2-cni")" \
			CNI_IFNAME=eth0 CNI_PATH="$plugins" /bin/sh "$NM_TMP/$2-cni/$verb"
		verb=DEL
	done
}

# --- netavark

# netavark_config FILE ID LAST: a container with the ports of stdin on a bridge network as podman would have it
netavark_config() {
	jq --arg id "$2" --arg ip "10.88.$3" --arg dual "$dual" '{
		container_id: $id, container_name: $id, port_mappings: .,
		networks: {bench: {interface_name: "eth0", static_ips: ([$ip] +
			if $dual == "" then [] else ["fd00:88::" + ($ip | split(".")[3])] end)}},
		network_info: {bench: {name: "bench", id: ("be" * 32), driver: "bridge", network_interface: "br0",
			subnets: ([{subnet: "10.88.0.0/16", gateway: "10.88.0.1"}] +
				if $dual == "" then [] else [{subnet: "fd00:88::/64", gateway: "fd00:88::1"}] end),
			ipv6_enabled: ($dual != ""), internal: false, dns_enabled: false, ipam_options: {driver: "host-local"}}}}' >"$NM_TMP/$1"
}

netavark_ports() { # netavark_ports FIRST CONTAINER_PORT COUNT [RANGE]: COUNT mappings of RANGE ports
	jq -nc --argjson host "$1" --argjson ctr "$2" --argjson n "$3" --argjson range "${4:-1}" \
		'[range($n) | {container_port: $ctr, host_ip: "", host_port: ($host + .), protocol: "tcp", range: $range}]'
}

# Another container stays on the network, so that its bridge and its chains do.
up_netavark() {
	local others="[]"
	nodes_up "$2-bench" "$2-others"
	mkdir -p "$NM_TMP/netavark-$2"
	[[ "$netavark_driver" = iptables ]] || others=$(netavark_ports 10000 80 "$3")
	netavark_config "$2-others.json" others 0.2 <<<"$others"
	now "$1" "$2" others publish
	[[ "$netavark_driver" != iptables ]] || copied "$@"
}

ctr_netavark() {
	local ports="[]"
	[[ "$1" = netavark_bare ]] || ports=$(netavark_ports "$4" "$5" 1 "$6")
	netavark_config "$2-$3${1#netavark}.json" "$3" "$7" <<<"$ports"
}

jobs_netavark() {
	local job verb=setup
	for job in publish withdraw; do
		job "$4:$job:$1" "$2" "$2-$3${1#netavark}.json" NETAVARK_FW="$netavark_driver" "$netavark" \
			--config "$NM_TMP/netavark-$2" "$verb" "$(netns "$2-$3")"
		verb=teardown
	done
}
