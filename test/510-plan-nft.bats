#!/usr/bin/env bats
# natmap plan --format nft: real nft takes it, and it is what the hook writes. See 100-cli.bats for the other format.
# shellcheck disable=SC2154 # $output and $stderr come from run_natmap
# bats file_tags=once

load helpers/natmap

setup() {
	net_up
	config '{"backend": "nftables"}'
}

# described PORTS [KEY=VALUE...]: from now on the container's OCI state is this one, in $NM_TMP/oci
described() {
	[[ -e "$NM_TMP/ctr-web" ]] || ctr_start web >/dev/null
	state web "$(ctr_pid web)" creating "io.natmap.ports=$1" "${@:2}" >"$NM_TMP/oci"
}

# load_plan: what the plan says is on the host
load_plan() {
	run_natmap plan --format nft <"$NM_TMP/oci"
	printf '%s\n' "$output" >"$NM_TMP/plan"
	on host nft -f "$NM_TMP/plan"
}

# constant, elements: what nft shows of natmap's tables, without the elements of sets, and these in order
constant() {
	local family
	for family in ip ip6; do
		on host nft --stateless --terse list table "$family" natmap 2>/dev/null || :
	done
}

elements() {
	local family
	for family in ip ip6; do
		on host nft --stateless list table "$family" natmap 2>/dev/null | awk -v family="$family" '
			/^\t(set|map|chain) / { set = $2 }
			/^\t\telements = / { inside = 1; sub(/.*= \{ /, "") }
			inside { last = / }$/; sub(/,$| }$/, ""); sub(/^[\t ]*/, ""); print family, set, $0; inside = !last }' | sort
	done
}

# as_the_hook PORTS [KEY=VALUE...]: plan and hook have the same effect on an empty host, as nft shows it and as check sees it
as_the_hook() {
	local constant elements
	described "$@"
	run_natmap hook createRuntime <"$NM_TMP/oci"
	constant=$(constant) elements=$(elements)
	assert "$elements" has natmap:web
	on host nft flush ruleset
	load_plan
	same "chains, rules and sets" "$constant" "$(constant)"
	same "elements" "$elements" "$(elements)"
	run_natmap check
	run_natmap flush --force
}

@test "a plan, once loaded, is what the hook writes" {
	as_the_hook '8080:80,[::]:53:53/udp,127.0.0.2:7000-7002:8000-8002,192.0.2.3:1-3:1-3/sctp,[fd00:99::1]:9:9'
	as_the_hook '8080:80,192.0.2.1:53:53/udp' io.natmap.allow=192.0.2.0/24,fd00:99::/64,0.0.0.0/0,10.88.7.3,fd00:99::2
	as_the_hook '8000-8063/udp,192.0.2.1:9000-9070,127.0.0.2:7001-7063'
	as_the_hook '8000-8063,192.0.2.1:9000-9070/udp' io.natmap.allow=192.0.2.0/24,fd00:99::2
	as_the_hook 192.0.2.1:80:80,127.0.0.1:80:80
	as_the_hook 0.0.0.0:8080:80
	as_the_hook 8080:80 io.natmap.address=10.88.7.2,fd00:7::2
}

@test "with other settings, too" {
	local settings
	for settings in '"masquerade_all": true' '"hairpin": false' '"localhost": false'; do
		config "{\"backend\": \"nftables\", $settings}"
		as_the_hook 8080:80,192.0.2.1:53:53/udp
	done
}

@test "ports of a loaded plan answer" {
	serve ctr tcp 80 'web %p'
	serve ctr udp 53 dns
	serve ctr tcp 81 closed
	on host sh -c 'echo 1 >/proc/sys/net/ipv4/conf/br0/route_localnet'
	on host bridge link set dev vctr hairpin on
	described 8080:80,192.0.2.1:53:53/udp,127.0.0.1:9090:80,10000-10063:60-123
	load_plan
	assert_reach 'web fd00:99::2' ext tcp fd00:99::1 10020
	assert_reach 'web 192.0.2.2' ext tcp 192.0.2.1 8080
	assert_reach 'web fd00:99::2' ext tcp fd00:99::1 8080
	assert_reach dns ext udp 192.0.2.1 53
	assert_no_reach ext udp 192.0.2.3 53
	assert_no_reach ext tcp 127.0.0.1 9090
	assert_reach 'web 10.88.7.1' host tcp 127.0.0.1 8080
	assert_reach 'web 10.88.7.1' host tcp 127.0.0.1 9090
	assert_reach 'web 10.88.7.1' ctr tcp 192.0.2.1 8080
	assert_reach 'web 10.88.7.1' ctr2 tcp 192.0.2.1 8080
	assert_reach 'web fd00:7::1' ctr2 tcp fd00:99::1 8080
}

@test "the allow list of a loaded plan holds" {
	serve ctr tcp 80 web
	described 8080:80 io.natmap.allow=192.0.2.2
	load_plan
	assert_reach web ext tcp 192.0.2.1 8080
	assert_no_reach ext tcp 192.0.2.1 8080 from=192.0.2.9
	assert_no_reach ext tcp fd00:99::1 8080
}

@test "the format is that of the configured backend unless one is asked for" {
	local nft iptables
	described 8080:80
	run_natmap plan <"$NM_TMP/oci"
	nft=$output
	assert "$nft" has 'table ip natmap {'
	run_natmap plan --format iptables <"$NM_TMP/oci"
	iptables=$output
	assert "$iptables" has '*filter'
	config '{"backend": "iptables"}'
	run_natmap plan <"$NM_TMP/oci"
	assert "$output" = "$iptables"
	run_natmap plan --format nft <"$NM_TMP/oci"
	assert "$output" = "$nft"
}

@test "nft can name every set and chain, in any family that there is a port in" {
	local kind name
	described 8080:80
	load_plan
	while read -r kind name _; do
		on host nft list "$kind" ip natmap "$name" >/dev/null
	done < <(on host nft --terse list table ip natmap | grep -E $'^\t(set|map|chain) ')
	described 0.0.0.0:8080:80
	run_natmap plan --format nft <"$NM_TMP/oci"
	assert "$output" lacks ip6
}
