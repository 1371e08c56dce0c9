#!/bin/bash
# run.sh [SECONDS [HOOKS]]: so many hooks at once beside other tools that change rules, half of the time with each backend.
set -eu
cd "$(dirname "$0")/../.."
# shellcheck source=test/helpers/natmap.bash
. test/helpers/natmap.bash

export NM_PROGRAMS LC_ALL=C
for backend in iptables nftables; do
	net_up
	status=0
	on host perl test/soak/soak.pl $(((${1:-120} + 1) / 2)) "$backend" "${2:-200}" || status=$?
	tmp=$NM_TMP
	net_down
	rm -rf "$tmp"
	[[ $status = 0 ]] || exit "$status"
done
