#!/bin/bash
# run.sh FOLDER SECONDS TARGET...: runs the programs of libFuzzer in FOLDER, as many at once as there are processors, each for
# so many seconds, from the corpus in test/fuzz/corpus/TARGET; prints executions, those per second and covered branches. What
# they find is written to FOLDER/TARGET.found-..., and new inputs to FOLDER/corpus/TARGET.
set -eu

folder=$1 seconds=$2
shift 2
here=$(dirname "$0")
export folder seconds here

one() {
	local log=$folder/$1.log found=$folder/corpus/$1
	mkdir -p "$found"
	"$folder/fuzz_$1" -max_total_time="$seconds" -max_len=65536 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$folder/$1.found-" "$found" "$here/corpus/$1" >"$log" 2>&1 || {
		grep -E '^(==|SUMMARY|.*runtime error)' "$log" | head -n 5
		echo "$1: found something: $log" >&2
		return 1
	}
	awk -v target="$1" '
		match($0, /cov: [0-9]+/) { covered = substr($0, RSTART + 5, RLENGTH - 5) }
		/^stat::number_of_executed_units/ { executed = $2 }
		/^stat::average_exec_per_sec/ { rate = $2 }
		/^stat::peak_rss_mb/ { memory = $2 }
		END { printf "%-12s %12d executions %8d a second %6d covered %5d MiB\n", target, executed, rate, covered, memory }' "$log"
}
export -f one
printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} bash -euc 'one {}'
