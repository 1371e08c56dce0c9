#!/bin/bash
# hosts.sh [check] [BATS_FILE...]
#
# Writes the tables of HOSTS.md, or those of these files: what natmap makes of what the tools of several releases of Debian do to
# its rules, and of the programs that share a host with it. Builds only natmap: it runs build/natmap beside theirs, which it
# installs in the folders of userlands.sh. check: fails if HOSTS.md says something else. As root.
#
# A table stands between the lines "<!-- hosts.sh: NAME -->" and "<!-- end -->", and NAME is a bats file that adds lines to
# $NM_RESULTS: the backend, what was done, and what came of it, separated by tabs. A line "# packages: NAME..." in it names those
# whose versions count.
#
# hosts.sh quick
#
# Runs the programs of Debian 12 beside natmap, in one order of starts, and writes no table.
#
# NM_RELEASES="NAME..."  the releases, folders of userlands.sh
set -eu

cd "$(dirname "$0")/.."
page=test/HOSTS.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# releases_of BATS_FILE: that of rules alone needs none of the programs, which are not in every release
releases_of() {
	local all="bookworm trixie sid"
	[[ "$1" = test/hosts/* ]] || all="bullseye $all"
	echo "${NM_RELEASES:-$all}"
}

# install RELEASE: the programs that run beside natmap. None of them starts there by itself.
install() {
	test/userlands.sh prepare "$1" sh -c 'printf "#!/bin/sh\nexit 101\n" >/usr/sbin/policy-rc.d &&
		chmod +x /usr/sbin/policy-rc.d && exec /mnt/test/install-deps.sh programs'
}

# versions BATS_FILE RELEASE: those of its packages
versions() {
	# shellcheck disable=SC2016,SC2046 # for dpkg-query; a list of words
	test/userlands.sh run "$2" dpkg-query -W -f '${Package} ${Version}\n' $(sed -n 's/^# packages: //p' "$1") |
		sed -E 's/ ([0-9]+:)?([^-+~]*).*/ \2/' | paste -sd , | sed 's/,/, /g'
}

# run BATS_FILE RELEASE: the lines that it adds with the tools of that release
run() {
	local backend
	: >"$work/$2"
	for backend in iptables nftables; do
		NM_BACKEND=$backend NM_RELEASE=$2 NM_RESULTS="$work/$2" bats --tap --filter-tags \
			"$([[ $backend = iptables ]] && echo '!nftables' || echo '!iptables,!once')" "$1" >"$work/tap-$2" || {
			cat "$work/tap-$2"
			return 1
		}
	done
}

# table BATS_FILE: a row for each thing that was done, a column for each release. The releases run side by side.
table() {
	local releases release pid pids=() head="| layout | what was done |" line="|---|---|"
	read -ra releases <<<"$(releases_of "$1")"
	for release in "${releases[@]}"; do
		[[ "$1" != test/hosts/* ]] || install "$release" >&2
		head+=" $release: $(versions "$1" "$release") |"
		line+="---|"
		run "$1" "$release" >&2 &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || return 1
	done
	printf '%s\n%s\n' "$head" "$line"
	(cd "$work" && awk -F '\t' '
		FNR == 1 { column++ }
		{ row = "| " $1 " | " $2 " |" }
		!(row in known) { known[row]; order[++n] = row }
		{ cell[row, column] = $3 }
		END {
			for (i = 1; i <= n; i++) {
				printf "%s", order[i]
				for (c = 1; c <= column; c++)
					printf " %s |", ((order[i], c) in cell) ? cell[order[i], c] : "-"
				print ""
			}
		}' "${releases[@]}")
}

# page [BATS_FILE...]: HOSTS.md with these tables (all) made anew
page() {
	local line name="" all
	while IFS= read -r line; do
		[[ "$line" != "<!-- end -->" ]] || name=""
		[[ -n "$name" ]] || printf '%s\n' "$line"
		[[ "$line" =~ ^"<!-- hosts.sh: "(.*)" -->"$ ]] || continue
		[[ $# = 0 || " $* " = *" ${BASH_REMATCH[1]} "* ]] || continue
		name=${BASH_REMATCH[1]}
		all=$(table "$name") || return 1
		printf '%s\n' "$all"
	done <"$page"
}

export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-300}
make -s all test-programs
case ${1:-} in
quick)
	install bookworm
	NM_TEST_LEFT_OUT=long exec test/run-tests.sh -- test/hosts/*.bats
	;;
check)
	page "${@:2}" >"$work/page"
	diff -u "$page" "$work/page" && echo "hosts.sh: $page is right"
	;;
*)
	page "$@" >"$work/page"
	cat "$work/page" >"$page"
	;;
esac
