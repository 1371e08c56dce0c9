#!/bin/bash
# neighbour.sh [ROUNDS]: how much slower the hooks of a container are beside a hostile one, which has 4,000 addresses, 4,000
# routes and 300 interfaces, and has published as many ports as policy.max_ports lets it. Prints, for each backend, the
# median of both hooks' times, alone and with that neighbour there, and the ratio. As root, on a machine that is idle.
set -eu -o pipefail

rounds=${1:-41}
cd "$(dirname "$0")/../.."
# shellcheck source=test/helpers/natmap.bash
. test/helpers/natmap.bash

# crowd: what the hostile one has in its namespace
crowd() {
	awk 'BEGIN { for (i = 0; i < 4000; i++) {
		if (i < 300)
			printf "link add d%d type bridge\nlink set d%d up\n", i, i
		printf "addr add 10.99.%d.%d/32 dev eth0\nroute add 10.98.%d.%d/32 via 10.88.7.1\n", i / 250, i % 250 + 1, i / 250, i % 250
	} }' | ip_batch ctr
}

# hooks: the medians of publish and withdraw of a container in ctr2, in microseconds
hooks() {
	local i
	state innocent "$(ctr_pid innocent)" creating io.natmap.ports=9000:80 >"$NM_TMP/in"
	state innocent - stopped >"$NM_TMP/end"
	mapfile -t argv < <(natmap_argv)
	for i in in end; do
		printf '1 %s /run/netns/%s-host %s' "$i" "$NM_NS" "$NM_TMP/$i"
		printf ' %s' "${argv[@]}" hook
		echo
	done >"$NM_TMP/jobs"
	"$NM_PROGRAMS/../bench/measure" "$rounds" 5 "$NM_TMP/jobs" | awk '{ print $2 }' | xargs
}

for NM_BACKEND in nftables iptables; do
	export NM_BACKEND
	net_up
	ctr_start innocent ctr2 >/dev/null
	alone=$(hooks)
	crowd
	publish hostile "$(seq -s, 10000 11023)" >/dev/null
	beside=$(hooks)
	echo "$NM_BACKEND $alone $beside" | awk '{ printf "%-9s publish %d us alone, %d us beside: %.2f   withdraw %d, %d: %.2f\n",
		$1, $2, $4, $4 / $2, $3, $5, $5 / $3 }'
	net_down
done
