# shellcheck shell=bash
# Servers, clients and long-lived flows between the nodes of net.bash. Flows are those of socat.

# serve NODE tcp|udp [ADDRESS:]PORT [TEXT]: answers every line sent there with TEXT, in which %p is the peer's address.
# Without ADDRESS on all addresses of both families; IPv6 addresses in brackets.
serve() {
	local address=${3%:*} addresses=(0.0.0.0 ::) ready
	if [[ "$3" == \[* ]]; then
		addresses=("${address:1:-1}")
	elif [[ "$3" == *:* ]]; then
		addresses=("$address")
	fi
	exec {ready}< <(exec "$NM_PROGRAMS/enter" -s "/run/netns/$NM_NS-$1" "$NM_PROGRAMS/answer" "$2" "${3##*:}" "${4:-$1}" \
		"${addresses[@]}" </dev/null 2>>"$NM_TMP/spawn.log" 3>&-)
	spawned=$!
	echo "$spawned" >>"$NM_TMP/pids"
	read -r -t 5 -u "$ready" || fail "no server: serve $*" "$(<"$NM_TMP/spawn.log")" || return 1
	exec {ready}<&-
}

# serve_is_ready PROTO PORT FAMILIES: where the process $spawned is, somebody listens on it in each of these
# shellcheck disable=SC2154 # spawn sets it
serve_is_ready() {
	local family port table
	printf -v port %04X "$2"
	for family in $3; do
		[[ -e /proc/$spawned ]] && slurp table "/proc/$spawned/net/$1${family#4}" || return 1
		[[ "$table" =~ :$port\ 0+:0000\ 0[A7]\  ]] || return 1
	done
}

# reach NODE tcp|udp ADDRESS PORT [from=ADDRESS] [sport=PORT] [wait=SECONDS]: asks the server there, prints its answer; fails without one
reach() {
	local node=$1 proto=$2 address=$3 port=$4 from="" sport="" wait=1
	shift 4
	[[ $# = 0 ]] || local "$@"
	on "$node" "$NM_PROGRAMS/ask" "$wait" "$proto" "$address" "$port" "$from" "$sport" 2>/dev/null
}

# peer_of PROTO ADDRESS PORT [FROM] [SPORT]: how socat calls a client's connection
peer_of() {
	local spec="${1^^}4:$2:$3"
	if [[ "$2" == *:* ]]; then
		spec="${1^^}6:[$2]:$3"
	fi
	if [[ "${4:-}" == *:* ]]; then
		spec+=",bind=[$4]"
	elif [[ -n "${4:-}" ]]; then
		spec+=",bind=$4"
	fi
	printf '%s' "$spec${5:+,sourceport=$5,reuseaddr}"
}

# assert_reach EXPECTED NODE PROTO ADDRESS PORT [from=...] [sport=...]: the answer is EXPECTED
assert_reach() {
	local answer
	answer=$(reach "${@:2}" wait=3) || fail "no answer: reach ${*:2}" || return 1
	assert "$answer" = "$1" "reach ${*:2}"
}

# assert_no_reach NODE PROTO ADDRESS PORT [from=...]: nothing answers (a refusal is noticed at once, silence after half a second)
assert_no_reach() {
	local answer
	if answer=$(reach "$@" wait=0.5); then
		fail "must not be reachable: reach $*" "answer: $answer"
	fi
}

# flow_open NAME NODE PROTO ADDRESS PORT [from=ADDRESS] [sport=PORT]: opens a flow that stays open
flow_open() {
	local name=$1 node=$2 proto=$3 address=$4 port=$5 from="" sport=""
	shift 5
	[[ $# = 0 ]] || local "$@"
	mkfifo "$NM_TMP/flow.$name.in"
	: >"$NM_TMP/flow.$name.out"
	# Read-write, so that neither end blocks or sees an end of file between two questions.
	spawn "$node" socat "$(peer_of "$proto" "$address" "$port" "$from" "$sport")" \
		"OPEN:$NM_TMP/flow.$name.in,rdwr!!OPEN:$NM_TMP/flow.$name.out,append"
	wait_for flow_is_open "$NM_TMP/flow.$name.in" || :
}

# flow_is_open FILE: the process $spawned has opened it, which it does when it is connected, or it has ended
flow_is_open() {
	local fd
	for fd in "/proc/$spawned/fd"/*; do
		[[ ! "$fd" -ef "$1" && -e /proc/$spawned ]] || return 0
	done
	return 1
}

# flow_ask [-t SECONDS] NAME: sends a line through the flow, prints the answer; fails without one after 20 seconds
flow_ask() {
	local patience=() out before lines
	if [[ $1 = -t ]]; then
		patience=("${@:1:2}")
		shift 2
	fi
	out="$NM_TMP/flow.$1.out"
	flow_lines before "$out"
	echo ask 1<>"$NM_TMP/flow.$1.in"
	wait_for "${patience[@]}" flow_has_grown "$out" "$before" || return 1
	mapfile -t -s "$before" lines <"$out"
	printf '%s\n' "${lines[-1]}"
}

flow_has_grown() {
	local now
	flow_lines now "$1"
	[[ $now -gt $2 ]]
}

# flow_lines NAME FILE: sets the variable NAME to how many lines it has
flow_lines() {
	local answers
	mapfile answers <"$2"
	printf -v "$1" %s "${#answers[@]}"
}

# page NODE ADDRESS:PORT: what the server there says
page() {
	on "$1" curl --silent --max-time 3 --noproxy '*' "http://$2/"
}

page_is() {
	[[ "$(page "$2" "$3")" = "$1" ]]
}

# assert_page EXPECTED NODE ADDRESS:PORT: soon
assert_page() {
	wait_for page_is "$@" || fail "page of $3 on $2: expected '$1': $(page "$2" "$3")"
}
