# shellcheck shell=bash
# The cross product of published ports and where they are reached from: one line a case.

# test_publish [proto=tcp|udp] [ip=4|6] [hostip=ADDRESS] [ports=H[-H]:C[-C]] [from='ORIGIN...'] [id=ID]
# Publishes a container's ports, reaches the first and the last of them from each origin, checks that nothing else
# was opened, withdraws, and checks that nothing is left.
# ORIGIN: ext (outside), host (the host, by its own address), local (the host, by 127.0.0.1), hairpin (the container
# itself), neighbour (another container on the bridge). Default: all from which the mapping must answer.
test_publish() {
	local proto=tcp ip=4 hostip="" ports=8080:80 from="" id=web
	[[ $# = 0 ]] || local "$@"
	local host_ports=${ports%:*} ctr_ports=${ports##*:} pair pairs origin prefix="" target origins
	pairs="${host_ports%-*}:${ctr_ports%-*}"
	if [[ "$host_ports" == *-* ]]; then
		pairs+=" ${host_ports#*-}:${ctr_ports#*-}"
	fi
	for pair in $pairs; do
		serve ctr "$proto" "${pair#*:}" "${pair#*:} %p"
	done
	case $hostip in
	"") ;;
	*:*) prefix="[$hostip]:" ;;
	*) prefix=$hostip: ;;
	esac
	matrix_target "$ip" "$hostip"
	matrix_origins "$ip" "$hostip"
	publish "$id" "$prefix$ports/$proto"
	for pair in $pairs; do
		for origin in ${from:-$origins}; do
			matrix_reach "$origin" "${pair%:*}" "${pair#*:}"
		done
		matrix_closed "${pair%:*}"
	done
	withdraw "$id"
	for pair in $pairs; do
		assert_no_reach ext "$proto" "$target" "${pair%:*}"
	done
	assert_clean
}

# matrix_origins IP HOSTIP: sets $origins, from where a mapping on HOSTIP must answer over that family
matrix_origins() {
	case $1:$2 in
	4: | 4:0.0.0.0) origins="ext host local hairpin neighbour" ;;
	4:127.*) origins=local ;;
	*) origins="ext host hairpin neighbour" ;; # ::1 cannot be translated
	esac
}

# matrix_target IP HOSTIP: sets $target, the host's address that a client calls
matrix_target() {
	case $1:$2 in
	4: | 4:0.0.0.0) target=192.0.2.1 ;;
	6: | 6:::) target=fd00:99::1 ;;
	*) target=$2 ;;
	esac
}

# matrix_reach ORIGIN HOST_PORT CTR_PORT: the right server answers; the client outside is seen by its own address
matrix_reach() {
	local node address=$target client=192.0.2.2 answer
	[[ $ip = 4 ]] || client=fd00:99::2
	case $1 in
	ext | host) node=$1 ;;
	local)
		node=host
		[[ "$hostip" == 127.* ]] || address=127.0.0.1
		;;
	hairpin) node=ctr ;;
	neighbour) node=ctr2 ;;
	esac
	answer=$(reach "$node" "$proto" "$address" "$2" wait=3) || fail "no answer from $1: $node $proto $address $2" || return 1
	assert "${answer% *}" = "$3" "who answers $1" || return 1
	[[ $1 != ext ]] || assert "${answer#* }" = "$client" "the client's address"
}

# matrix_closed HOST_PORT: what a mapping must not open, as seen from outside
matrix_closed() {
	case $hostip in
	"") ;;
	0.0.0.0) assert_no_reach ext "$proto" fd00:99::1 "$1" ;;
	::) assert_no_reach ext "$proto" 192.0.2.1 "$1" ;;
	192.0.2.1) assert_no_reach ext "$proto" 192.0.2.3 "$1" && assert_no_reach host "$proto" 127.0.0.1 "$1" ;;
	*:*) assert_no_reach ext "$proto" fd00:7::1 "$1" && assert_no_reach ext "$proto" 192.0.2.1 "$1" ;;
	*) assert_no_reach ext "$proto" 192.0.2.1 "$1" ;; # another address, or loopback
	esac
}
