# shellcheck shell=bash
# shellcheck disable=SC2153,SC2154 # NATMAP, $programs and their like come from sections.sh and from functions here
# What is compared: how each contender's host comes up with mappings of others, and publishes and withdraws one container's. The
# peers are in peers.bash.
#
#   [before_|dynamic_]nftables|iptables  natmap in this layout; an older one; one that is linked dynamically
#   hand_nft hand_ipt                    nft and iptables-restore by hand, with rules that somebody wrote before
#   hand_natmap                          iptables-restore by hand, beside rules that natmap wrote
#   portmap portmap_nft cni              the CNI plugin, with its two backends; bridge and portmap, which make the interface, too
#   netavark netavark_bare               it makes the container's interface, too; the same without a port
#   minimal empty unconcerned            minimal.c; an empty program; natmap for a container without annotation
#
# A host is a network namespace with the name WHO-GROUP; its container in WHO-GROUP-bench has 10.88.0.3 and port 80, which is
# published as 8080; the ports of others are 10000 and on.

declare -A guest=([netavark_bare]=netavark [cni]=portmap [empty]=nftables [unconcerned]=nftables
	[before_unconcerned]=before_nftables)
every=1 # in how many rounds a job is run once
dual="" # the container has IPv6, too, and its port
ends="" # natmap's container has ended when its port is withdrawn

# --- hosts and containers

nodes_up() { # nodes_up NODE...
	local node
	for node; do
		NM_NODES+=" $node"
		ip netns add "$NM_NS-$node"
		ip -n "$NM_NS-$node" link set lo up
	done
}

# host_up HOST: the host, with a client outside
host_up() {
	nodes_up "$1" "$1-ext"
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
	on "$1" sh -c 'cd /proc/sys/net && echo 1 >ipv4/ip_forward && echo 1 >ipv6/conf/all/forwarding'
}

# bridge_up HOST: with a container, for all but netavark, which makes them itself
bridge_up() {
	ip -n "$NM_NS-$1" -batch - <<-END
		link add br0 type bridge
		addr add 10.88.0.1/16 dev br0
		${dual:+addr add fd00:88::1/64 dev br0 nodad}
		link set br0 up
	END
	ctr_up "$1" bench 0.3
}

# ctr_up HOST NAME LAST: a container on the bridge, with 10.88.LAST
ctr_up() {
	local link=v$2
	nodes_up "$1-$2"
	ip -n "$NM_NS-$1" -batch - <<-END
		link add $link type veth peer name eth0 netns $NM_NS-$1-$2
		link set $link master br0 up
	END
	ip -n "$NM_NS-$1-$2" -batch - <<-END
		addr add 10.88.$3/16 dev eth0
		${dual:+addr add fd00:88::3/64 dev eth0 nodad}
		link set eth0 up
		route add default via 10.88.0.1
		${dual:+route add default via fd00:88::1}
	END
}

# job NAME HOST STDIN WORD...: a line for `measure`. NAME is GROUP:QUANTITY:WHO, or begins with -: that is not counted.
job() {
	printf '%s %s %s %s' "$every" "$1" "$(netns "$2")" "$NM_TMP/$3"
	printf ' %s' "${@:4}"
	echo
}

# --- what all contenders do: up_KIND WHO HOST OTHERS; ctr_KIND WHO HOST NAME HOST_PORT CONTAINER_PORT COUNT LAST makes the files
# for a container of so many ports from these on; jobs_KIND WHO HOST NAME GROUP: it is published, and withdrawn

kind() { # kind WHO: sets $kind
	case $1 in
	*unconcerned) kind=unconcerned ;;
	*nftables | *iptables) kind=natmap ;;
	portmap*) kind=portmap ;;
	netavark*) kind=netavark ;;
	*) kind=$1 ;;
	esac
}

# add WHO GROUP OTHERS [pod]: its host, unless it is another's guest, and its container
add() {
	local kind host=${guest[$1]:-$1}-$2
	kind "$1"
	if [[ -z "${guest[$1]:-}" ]]; then
		host_up "$host"
		"up_$kind" "$1" "$host" "${@:3}"
	fi
	ctr "$1" "$host" bench 8080 80 1 0.3
}

# another WHO HOST NAME HOST_PORT CONTAINER_PORT COUNT LAST: one more container
another() {
	if [[ "$1" = netavark ]]; then
		nodes_up "$2-$3"
	else
		ctr_up "$2" "$3" "$7"
	fi
	ctr "$@"
}

ctr() {
	local kind
	kind "$1"
	"ctr_$kind" "$@"
}

jobs() { # jobs WHO GROUP [NAME [HOST]]
	local kind
	kind "$1"
	"jobs_$kind" "$1" "${4:-${guest[$1]:-$1}-$2}" "${3:-bench}" "$2"
}

# --- natmap

natmap() { # natmap WHO HOST: the words of its command, in $natmap; and the program that fills its state, in $fill
	local binary=$NATMAP
	fill=$programs/fill
	case $1 in
	before_*) binary=$NM_BEFORE fill=${NM_BEFORE%/*}/fill ;;
	dynamic_*) binary=$NATMAP-dynamic ;;
	esac
	natmap=("$binary" --config "$NM_TMP/natmap-${1#*_}.json" --state-dir "$NM_TMP/state-$2")
}

# natmap_config BACKEND: as an administrator has it who gives out the addresses: the other containers of fill.c are none
natmap_config() {
	printf '{"backend": "%s", "policy": {"address": ["10.88.0.0/16"], "max_ports": 65535}}\n' "$1" >"$NM_TMP/natmap-$1.json"
	chmod 0600 "$NM_TMP/natmap-$1.json"
}

# hook WHO HOST NAME STAGE: the stage of a container, now
hook() {
	local natmap
	natmap "$1" "$2"
	on "$2" "${natmap[@]}" hook "$4" <"$NM_TMP/$2-$3.$4"
}

# up_natmap WHO HOST OTHERS [pod]: published by `natmap reload`; with "pod", all by one container's namespace
up_natmap() {
	local natmap fill
	natmap "$1" "$2"
	bridge_up "$2"
	ctr_natmap "$1" "$2" bench 8080 80 1
	hook "$1" "$2" bench createRuntime
	on "$2" "$fill" "$NM_TMP/state-$2" "$3" "${@:4}"
	hook "$1" "$2" bench poststop
	on "$2" "${natmap[@]}" reload
	on "$2" "${natmap[@]}" check >/dev/null
	assert "$(grep -c '^{"live":1' "$NM_TMP/state-$2/state")" = "$3" "containers in the state of $2"
}

ctr_natmap() {
	local ports=$4:$5
	[[ $6 = 1 ]] || ports=$4-$(($4 + $6 - 1)):$5-$(($5 + $6 - 1))
	[[ -n "$dual" ]] || ports=0.0.0.0:$ports
	[[ -e "$NM_TMP/$2-$3.pid" ]] || {
		spawn "$2-$3" sleep infinity
		echo "$spawned" >"$NM_TMP/$2-$3.pid"
	}
	states "$2" "$3" "$ports"
}

# states HOST NAME PORTS: what natmap's two hooks read
states() {
	state "$2" "$(<"$NM_TMP/$1-$2.pid")" creating "io.natmap.ports=$3" >"$NM_TMP/$1-$2.createRuntime"
	state "$2" - stopped >"$NM_TMP/$1-$2.poststop"
}

# add_pod WHO GROUP: as add, and ten containers of a thousand ports each of the same process are published
add_pod() {
	local i host=$1-$2
	add "$1" "$2" 0
	for i in {1..10}; do
		cp "$NM_TMP/$host-bench.pid" "$NM_TMP/$host-of$i.pid"
		states "$host" "of$i" "$(seq -s, $((19000 + i * 1000)) $((19999 + i * 1000)))"
		hook "$1" "$host" "of$i" createRuntime
	done
}

# life HOST NAME: prints the name of a script that gives the container a process (begin), and that ends it
life() {
	cat >"$NM_TMP/$1-$2.life" <<-END
		set -e
		cd $NM_TMP
		if [ "\$1" = end ]; then
			read -r pid <$1-$2.pid
			kill "\$pid"
			exit
		fi
		nsenter --net=$(netns "$1-$2") sleep infinity <$1-$2.poststop >$1-$2.life-log 2>&1 &
		echo \$! >$1-$2.pid
		sed -i "s/\"pid\":[0-9]*/\"pid\":\$!/" $1-$2.createRuntime
		until [ /proc/\$!/ns/net -ef $(netns "$1-$2") ]; do sleep 0.001; done
	END
	echo "$NM_TMP/$1-$2.life"
}

# That the process has ended, as it has with a runtime, matters for IPv6 and ranges: of a live one natmap looks for
# connections before it ends, which takes some ms, and not behind.
jobs_natmap() {
	local natmap life
	natmap "$1" "$2"
	if [[ -n "$ends" ]]; then
		life=$(life "$2" "$3")
		job - "$2" "$2-$3.poststop" /bin/sh "$life" begin
	fi
	job "$4:publish:$1" "$2" "$2-$3.createRuntime" "${natmap[@]}" hook createRuntime
	[[ -z "$ends" ]] || job - "$2" "$2-$3.poststop" /bin/sh "$life" end
	job "$4:withdraw:$1" "$2" "$2-$3.poststop" "${natmap[@]}" hook poststop
}

ctr_unconcerned() {
	state bench - creating org.example.ports=8080:80 >"$NM_TMP/unconcerned.json"
}
jobs_unconcerned() {
	local natmap
	natmap "${1%unconcerned}nftables" "$2"
	job "$4:publish:$1" "$2" unconcerned.json "${natmap[@]}" hook createRuntime
}

# --- programs that do less

ctr_empty() { :; }
jobs_empty() {
	job "$4:publish:empty" "$2" "$2-$3.poststop" "$programs/empty"
}

# natmap makes the tables and jumps; then minimal must write the very rules that natmap writes.
up_minimal() {
	local wanted
	bridge_up "$2"
	ctr_natmap iptables "$2" bench 8080 80 1
	hook iptables "$2" bench createRuntime
	wanted=$(rules "$2" | sort)
	hook iptables "$2" bench poststop
	on "$2" "$programs/minimal" add </dev/null
	same "rules of the minimal program" "$wanted" "$(rules "$2" | sort)"
	on "$2" "$programs/minimal" remove </dev/null
}
ctr_minimal() { :; }
jobs_minimal() {
	job "$4:publish:minimal" "$2" "$2-$3.createRuntime" "$programs/minimal" add
	job - "$2" "$2-$3.createRuntime" "$programs/minimal" remove
}
