# shellcheck shell=bash
# The real programs that share a host with natmap, of a release of Debian: they run on the node `host` of net.bash, in that
# release's folder of userlands.sh (NM_RELEASE, bookworm), with mounts and processes of their own. hosts.sh has installed them.
# shellcheck disable=SC2154 # $spawned comes from spawn, $status, $output and $stderr from run_natmap

NM_RELEASE=${NM_RELEASE:-bookworm}
# shellcheck source=test/helpers/network.bash
. "$NM_TREE/test/helpers/network.bash"

# What a row says after somebody has emptied the tables that natmap has rules in.
# shellcheck disable=SC2034 # for the tests
NM_GONE='none, told by check and doctor; a reload mends it'

# box_up: the place where the programs run
box_up() {
	spawn host "$NM_TREE/test/userlands.sh" run "$NM_RELEASE" /mnt/test/helpers/box.sh
	box_pid=$spawned
	wait_for box_is_ready || fail "no place for programs" "$(<"$NM_TMP/spawn.log")"
}

box_is_ready() {
	box=$(pgrep -P "$(pgrep -P "$box_pid")")
	[[ -n "$box" && -e /proc/$box/root/run/ready ]]
}

# box_down: ends all of them
box_down() {
	local groups
	[[ -n "${box:-}" ]] || return 0
	kill -KILL "$box" 2>/dev/null || :
	wait_for process_is_gone "$box"
	for groups in /sys/fs/cgroup/*/"$NM_NS" /sys/fs/cgroup/"$NM_NS"; do
		[[ ! -d "$groups" ]] || find "$groups" -depth -type d -exec rmdir {} +
	done
}

# inbox COMMAND...: runs it there
inbox() {
	nsenter -t "$box" -m -p -n -r -w env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@" 3>&-
}

# daemon NAME COMMAND...: starts it there, in the background
daemon() {
	rm -f "/proc/$box/root/run/$1.id"
	# shellcheck disable=SC2016 # for that shell
	inbox setsid -f sh -c 'echo $$ >"/run/$0.id" && exec "$@" >>"/tmp/$0.log" 2>&1 </dev/null' "$@"
}

# answers_there NAME COMMAND...: waits until the command succeeds there, or shows the log of the daemon NAME
answers_there() {
	if ! wait_for answers_or_ended "$@" || ! inbox "${@:2}" >/dev/null; then
		fail "$1 of $NM_RELEASE does not start" "$(tail -n 20 "/proc/$box/root/tmp/$1.log")"
	fi
}

answers_or_ended() {
	local id
	inbox "${@:2}" || { slurp id "/proc/$box/root/run/$1.id" && [[ -n "$id" && ! -d "/proc/$box/root/proc/$id" ]]; }
}

# daemon_stop NAME: ends it and waits until it is gone
daemon_stop() {
	# shellcheck disable=SC2016 # for that shell
	inbox sh -c 'kill "$1" && while [ -d "/proc/$1" ]; do sleep 0.02; done' sh "$(<"/proc/$box/root/run/$1.id")"
}

# docker_start [OPTION...]; its end is daemon_stop dockerd
docker_start() {
	daemon dockerd dockerd --storage-driver vfs --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$NM_NS" "$@"
	answers_there dockerd docker version
}

# docker_run NAME [OPTION...]: a container of Docker's, with a server on port 80, that comes back when Docker does.
# docker_netns NAME: its network namespace
docker_run() {
	inbox docker image inspect served >/dev/null 2>&1 || inbox sh -ec '
		mkdir /tmp/image
		cp /mnt/build/test/helpers/answer /tmp/image/
		tar -C /tmp/image -c . | docker import - served'
	inbox docker run -d --name "$1" --restart always --stop-signal KILL "${@:2}" served /answer tcp 80 "$1" 0.0.0.0 ::
}

docker_netns() {
	inbox docker inspect --format "/proc/$box/root/proc/{{.State.Pid}}/ns/net" "$1"
}

# firewalld_start nftables|iptables [KEY=VALUE...]: with that backend, and these settings in its configuration; its end is
# daemon_stop firewalld
firewalld_start() {
	local setting
	inbox test -S /run/dbus/system_bus_socket || inbox dbus-daemon --system --fork --nopidfile
	for setting in "FirewallBackend=$1" "${@:2}"; do
		inbox sed -i "s/^#*${setting%%=*}=.*/$setting/" /etc/firewalld/firewalld.conf
	done
	daemon firewalld firewalld --nofork --nopid
	answers_there firewalld firewall-cmd --state
}

# What a published port is reached from, and what check and doctor say of it.

# The ways to a port: the name, the node, the address. A node that begins with a slash is a
# network namespace.
NM_WAYS='the network IPv4:ext:192.0.2.1
the network IPv6:ext:fd00:99::1
the host IPv4:host:192.0.2.1
the host IPv6:host:fd00:99::1
127.0.0.1:host:127.0.0.1
a neighbour IPv4:ctr2:192.0.2.1
a neighbour IPv6:ctr2:fd00:99::1
itself IPv4:ctr:192.0.2.1
itself IPv6:ctr:fd00:99::1'

# programs_up: for setup: the network, a container with a server that natmap is to publish as `publish web 8080:80`, and with
# one that nobody is to reach, and the place where the programs run
programs_up() {
	net_up
	serve ctr tcp 80 natmap
	serve ctr tcp 81 private
	box_up
}

# ask_from NODE ADDRESS PORT: the answer that comes there
ask_from() {
	case $1 in
	/*) "$NM_PROGRAMS/enter" "$1" "$NM_PROGRAMS/ask" 1 tcp "$2" "$3" "" "" ;;
	*) reach "$1" tcp "$2" "$3" ;;
	esac 2>/dev/null
}

# lacking_ways: those on which natmap's port does not answer (as NM_ANSWER), a line each
lacking_ways() {
	local name node address pid pids=()
	while IFS=: read -r name node address; do
		{ [[ "$(ask_from "$node" "$address" 8080)" = "${NM_ANSWER:-natmap}" ]]; } 3>&- &
		pids+=($!)
	done <<<"$NM_WAYS"
	while IFS=: read -r pid name; do
		wait "$pid" || echo "$name"
	done < <(paste -d : <(printf '%s\n' "${pids[@]}") <(cut -d : -f 1 <<<"$NM_WAYS"))
}

# reached: prints "all", "none", or "not from" and the ways that are lacking
reached() {
	local lacking
	lacking=$(lacking_ways)
	if [[ -z "$lacking" ]]; then
		echo all
	elif [[ $(wc -l <<<"$lacking") = $(wc -l <<<"$NM_WAYS") ]]; then
		echo none
	else
		sed -E '/IPv4$/ { N; s/^(.*) IPv4\n\1 IPv6$/\1/ }' <<<"$lacking" | paste -sd , | sed 's/,/, /g; s/^/not from /'
	fi
}

# judge ROW [EXPECTED]: a result (all): from where natmap's port is reached, which of check and doctor have something to say,
# and whether it is silent and reached from everywhere after what they say. Silence is to mean that it works, and only that.
judge() {
	local cell said=""
	look
	cell=$reached
	[[ -z "$teller" ]] || cell+=", told by $teller"
	if [[ "$cell" != all ]]; then
		said=$output
		mend "$said"
		cell+="; $mended"
	fi
	result "$1" "$cell" "${2:-all}"
}

# contend ROW: natmap is to refuse a port that another program publishes already
contend() {
	publish rc=4 web 8080:80
	result "$1" refused refused
}

# look: sets $reached, and $teller to those of check and doctor who say something; $output is what doctor says
look() {
	reached=$(reached)
	teller=""
	run_natmap rc=any check
	[[ $status = 0 ]] || teller=check
	run_natmap rc=any doctor
	[[ $status = 0 ]] || teller+="${teller:+ and }doctor"
}

# mend OUTPUT: a reload, then what doctor has printed; $mended tells what it took
mend() {
	run_natmap reload
	mended="a reload mends it"
	look
	[[ "$reached$teller" != all ]] || return 0
	mended="nobody tells what mends it"
	[[ "$1" == *" run: "* ]] || return 0
	obey "$1"
	mended="what doctor prints mends it"
	look
	[[ "$reached$teller" = all ]] || mended="what doctor prints does not mend it"
}

# obey OUTPUT: runs the commands that doctor has printed: natmap here, all else where the programs are
obey() {
	local command
	while read -r command; do
		if [[ "$command" = natmap\ * ]]; then
			on host env PATH="${NATMAP%/*}:$PATH" sh -c "$command" 3>&-
		else
			inbox sh -c "$command"
		fi || echo "failed: $command"
	done < <(sed -n 's/^ *run: //p' <<<"$1")
}

# result ROW CELL EXPECTED: a row of HOSTS.md, if hosts.sh asks for it. One that is not as expected fails the test at its end.
result() {
	printf '== %s: %s\n' "$1" "$2"
	[[ -z "${NM_RESULTS:-}" ]] || printf '%s\t%s\t%s\n' "$NM_BACKEND" "$1" "$2" >>"$NM_RESULTS"
	[[ "$2" =~ ^($3)$ ]] || wrong+="$1: $2"$'\n'"    expected: $3"$'\n'
}

# programs_down: for teardown: ends the programs, removes the network, and fails when a result was not as expected
programs_down() {
	box_down
	net_down
	[[ -z "${wrong:-}" ]] || fail "$wrong"
}

# theirs: the rules on the host that are not natmap's, if none of those is there, without the order of chains and tables
theirs() {
	on host sh -c 'nft --stateless list ruleset 2>/dev/null; iptables-save; ip6tables-save' | listing | LC_ALL=C sort
}

# direct: what else of the container's is reached from the network: the ports themselves, and one that is not published
direct() {
	local way open=""
	for way in 10.88.7.2:80 10.88.7.2:81 fd00:7::2:80 fd00:7::2:81 192.0.2.1:81 fd00:99::1:81; do
		! reach ext tcp "${way%:*}" "${way##*:}" wait=0.3 >/dev/null || open+=" $way"
	done
	echo "$open"
}

# leaves_all_as_it_was [THEIRS]: natmap goes with the container web; what else could be reached while it was there could be without it, and the rules
# of others are those of before
leaves_all_as_it_was() {
	local open
	open=$(direct)
	withdraw web
	run_natmap flush --force
	assert "$(direct)" = "$open" "what is reached without natmap"
	[[ $# = 0 ]] || same "rules of others" "$1" "$(theirs)"
}

# A network that natmap makes, beside other programs.

# network_up: the container web in it, with a published port and one that is not, and what it finds outside
network_up() {
	network ""
	serve ext tcp 7000 'out %p'
	box web
	publish web 8080:80 network=bridge
	serve web tcp 80 web
	serve web tcp 81 private
}

# network_works: what the container begins and what is published pass, and nothing else; check and doctor are silent
network_works() {
	run_natmap doctor && run_natmap check || return 1
	assert_reach 'out 192.0.2.1' web tcp 192.0.2.2 7000 || return 1
	assert_reach 'out fd00:99::1' web tcp fd00:99::2 7000 || return 1
	assert_reach web ext tcp 192.0.2.1 8080 || return 1
	assert_reach web ext tcp fd00:99::1 8080 || return 1
	assert_no_reach ext tcp "$(address_of web 4)" 81 || return 1
	assert_no_reach ext tcp "$(address_of web 6)" 81
}

# CNI's plugins and netavark: a container is a network namespace that `ip netns add` has made where the programs are.

# netns_there NAME: its path
netns_there() {
	echo "/proc/$box/root/run/netns/$1"
}

# cni ADD|DEL PLUGIN NAME CONFIGURATION: prints the plugin's result
cni() {
	printf '%s' "$4" | inbox env CNI_COMMAND="$1" CNI_CONTAINERID="$3" CNI_NETNS="/run/netns/$3" CNI_IFNAME=eth0 \
		CNI_PATH=/usr/lib/cni "/usr/lib/cni/$2"
}

# cni_up NAME HOST_PORT [KEY:VALUE,...]: a container of CNI's bridge plugin, with a server on port 80, which the portmap plugin
# publishes, with these things in its configuration. cni_down NAME
cni_up() {
	local bridge='{"cniVersion":"0.4.0","name":"cni","type":"bridge","bridge":"cni0","isGateway":true,"ipMasq":true,"ipam":{"type":"host-local","ranges":[[{"subnet":"10.89.1.0/24"}],[{"subnet":"fd00:89::/64"}]],"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]}}'
	cni_portmap='{"cniVersion":"0.4.0","name":"cni","type":"portmap","capabilities":{"portMappings":true},"snat":true,'${3:+$3,}'"runtimeConfig":{"portMappings":[{"hostPort":'$2',"containerPort":80,"protocol":"tcp"}]},"prevResult":'
	inbox ip netns add "$1"
	cni_result=$(cni ADD bridge "$1" "$bridge")
	cni ADD portmap "$1" "$cni_portmap$cni_result}" >/dev/null
	answers_in "$1"
}

cni_down() {
	cni DEL portmap "$1" "$cni_portmap$cni_result}"
}

# process_in NETNS: starts a process there that net_down ends, prints its id
process_in() {
	local pid
	"$NM_PROGRAMS/enter" -s "$1" sleep 600 </dev/null >/dev/null 2>&1 3>&- &
	pid=$!
	echo "$pid" >>"$NM_TMP/pids"
	wait_for test "/proc/$pid/ns/net" -ef "$1"
	echo "$pid"
}

# answers_in NAME: a server on port 80 of that namespace, which answers with the name
answers_in() {
	daemon "server-$1" ip netns exec "$1" /mnt/build/test/helpers/answer tcp 80 "$1" 0.0.0.0 ::
}

# netavark_up NAME NETWORK ADDRESS PORT DRIVER [OPTIONS]: a container of netavark's, with a server on port 80, in a network
# 10.NETWORK.0.0/24 with these options, published on PORT by the driver iptables or nftables
netavark_up() {
	inbox ip netns add "$1"
	netavark setup "$@"
	answers_in "$1"
}

netavark() {
	local name=net$3
	inbox env NETAVARK_FW="$6" /usr/lib/podman/netavark --config /run/netavark "$1" "/run/netns/$2" >/dev/null <<-END
		{"container_id": "$2", "container_name": "$2",
		 "port_mappings": [{"container_port": 80, "host_ip": "", "host_port": $5, "protocol": "tcp", "range": 1}],
		 "networks": {"$name": {"interface_name": "eth0", "static_ips": ["10.$3.0.$4"]}},
		 "network_info": {"$name": {"name": "$name", "id": "$(printf "%064d" "$3")", "driver": "bridge",
			"network_interface": "podman$3", "subnets": [{"subnet": "10.$3.0.0/24", "gateway": "10.$3.0.1"}],
			"ipv6_enabled": false, "internal": false, "dns_enabled": false, "options": {${7:-}},
			"ipam_options": {"driver": "host-local"}}}}
	END
}
