#!/usr/bin/env bats
# Annotations of other tools, by "sources" of the configuration.
# shellcheck disable=SC2154 # $stderr comes from run_natmap

load helpers/natmap

nerdctl='nerdctl/ports=[{"HostPort":8081,"ContainerPort":80,"Protocol":"tcp","HostIP":"0.0.0.0"}]'
crio='io.kubernetes.cri-o.PortMappings=[{"HostPort":8082,"ContainerPort":80,"Protocol":"TCP","HostIP":""}]'
kubelet='io.kubernetes.container.ports=[{"name":"web","hostPort":8082,"containerPort":80,"protocol":"TCP"},{"containerPort":81}]'

# hook [rc=N] ID KEY=VALUE...: the hook of a container with these annotations, in ctr unless it has been started
hook() {
	local rc=rc=0 pid id
	[[ $1 != rc=* ]] || { rc=$1 && shift; }
	id=$1
	[[ -e $NM_TMP/ctr-$id ]] || ctr_start "$id" >/dev/null || return 1
	pid=$(ctr_pid "$id")
	run_natmap "$rc" hook createRuntime < <(state "$id" "$pid" creating "${@:2}")
}

# given ID: the ports in its record
given() {
	jq -r --arg id "$1" 'select(.live == 1 and .id == $id) | .ports[]' "$NM_TMP/state/state" 2>/dev/null | xargs
}

@test "ports that nerdctl, CRI-O and kubelet annotate are published where sources has these, by the policy" {
	local them='{"sources": ["natmap", "nerdctl", "cri-o", "kubelet"], "policy": {"host_ports": "1024-65535"}}'
	serve ctr tcp 80 web
	hook web "$nerdctl" "$crio" "$kubelet"
	config '{"sources": ["natmap"]}'
	hook web "$nerdctl" "$crio" "$kubelet"
	assert "$(given web)" = '' 'without sources'
	config "$them"
	on host nft 'table ip portmap { chain c { type nat hook prerouting priority -110; tcp dport 8081 dnat to 10.88.7.2:80; }; }'
	hook web "$nerdctl" # which another publisher has published already
	on host nft delete table ip portmap
	assert_reach web ext tcp 192.0.2.1 8081
	assert_no_reach ext tcp fd00:99::1 8081
	run_natmap plan < <(state web "$(ctr_pid web)" creating "$nerdctl")
	assert "$output" has natmap:web:8081
	hook own "$nerdctl" io.natmap.ports=9090:80
	assert "$(given own)" = 9090:80/tcp "natmap's own annotation and another"
	hook sandbox "$crio"
	hook first "$kubelet" # of the same pod
	hook second "$kubelet"
	withdraw sandbox
	withdraw first
	assert_reach web ext tcp fd00:99::1 8082
	hook rc=5 low "${kubelet/8082/82}"
	assert "$stderr" has "container 'low': by annotation 'io.kubernetes.container.ports': port mapping '82:80/tcp': refused by policy.host_ports"
	ctr_start taken ctr2
	hook rc=4 taken "$nerdctl"
	assert "$stderr" has "by annotation 'nerdctl/ports'"
	assert "$stderr" has "taken by container 'web'"
	hook rc=5 bad 'nerdctl/ports=[{"HostPort":"x"}]'
	assert "$stderr" has "annotation 'nerdctl/ports': [0].HostPort"
	withdraw web
	withdraw own
	withdraw second
	assert_clean
}

@test "CRI-O's address chooses among those of the container's namespace, and no other" {
	local ip=io.kubernetes.cri-o.IP
	config '{"sources": ["natmap", "cri-o"], "policy": {"address": ["10.88.7.0/24"]}}'
	on ctr ip address add 10.88.7.22/24 dev eth0
	serve ctr tcp 10.88.7.22:80 second
	hook web "$crio" "$ip.0=10.88.7.22" "$ip.1=fd00:7::2"
	run_natmap list web
	assert "$output" has '10.88.7.22 fd00:7::2'
	assert_reach second ext tcp 192.0.2.1 8082
	assert_reach second ctr2 tcp 192.0.2.1 8082 # a neighbour: the address has the length of its network
	withdraw web
	hook rc=5 thief "$crio" "$ip.0=10.88.7.3"
	assert "$stderr" has "$ip.0 '10.88.7.3': on no interface of the container"
	hook rc=5 thief io.natmap.ports=8080:80 "$ip.0=192.0.2.1"
	assert "$stderr" has 'on no interface of the container'
	hook mine io.natmap.ports=8080:80 io.natmap.address=10.88.7.2 "$ip.0=10.88.7.22"
	run_natmap list mine
	assert "$output" has '10.88.7.2'
	withdraw mine
	assert_clean
}

# bats test_tags=once
@test "what does not use natmap does not fail: other tools' annotations on the host's network, without ports, or with a broken configuration" {
	config '{"sources": ["natmap", "kubelet"]}'
	ctr_start node host
	hook node "$kubelet"
	hook plain 'io.kubernetes.container.ports=[{"containerPort":80}]' "$nerdctl"
	run_natmap hook createRuntime < <(state 'no/id' 1 creating 'io.kubernetes.container.ports=[]')
	hook rc=5 node io.natmap.ports=8080:80
	config '{"sources": ["kubelet"]}'
	hook own io.natmap.ports=8080:80
	config '{"listener_check": "no"}'
	hook web "$kubelet"
	hook rc=2 web "$kubelet" io.natmap.ports=8080:80
	config '{"sources": ["kubelet"], "listener_check": "no"}'
	hook rc=2 web "$kubelet"
	assert_clean
}
