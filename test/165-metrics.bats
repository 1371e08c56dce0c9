#!/usr/bin/env bats
# metrics: what Prometheus is told, in a format and under names that it accepts.
# shellcheck disable=SC2154 # $stderr and $output come from run_natmap

load helpers/natmap
load helpers/recovery

# metrics: prints natmap's metrics, which must be well-formed
metrics() {
	run_natmap metrics >/dev/null || return 1
	same "faults in the format" "" "$(perl "$NM_TREE/test/helpers/exposition.pl" <<<"$output")"
}

# value NAME{LABELS}: of a sample of the last metrics; nothing when there is none
value() {
	awk -v sample="$1" 'index($0, sample " ") == 1 { print $NF }' <<<"$output"
}

# values LINE...: "SAMPLE VALUE" for each
values() {
	local line
	for line; do
		assert "$(value "${line% *}")" = "${line##* }" "${line% *}" || return 1
	done
}

# everything: a container of every state, a pod, a range, a static rule, something missing, a reload, connections
everything() {
	serve ctr tcp 80 web
	config "$NM_STATIC"
	run_natmap reload
	publish a 8080:80
	publish b 8080:80 '[::]:9000-9009:9000-9009/udp' pid="$(ctr_pid a)"
	ctr_start d ctr2
	publish d 192.0.2.1:8081:80/sctp
	run_natmap add --address 10.88.7.3 unknown 0.0.0.0:8082:80
	ctr_stop d
	translation_take unknown:8082
	reach ext tcp 192.0.2.1 8080 >/dev/null
	reach ext tcp fd00:99::1 8080 >/dev/null
}

@test "ports, connections, owners, differences and the last reload are told, each once" {
	local backend=${NM_BACKEND:-iptables}
	everything
	metrics
	values 'natmap_containers{state="running"} 2' 'natmap_containers{state="gone"} 1' 'natmap_containers{state="unknown"} 1' \
		"natmap_ports{backend=\"$backend\",family=\"ipv4\",protocol=\"tcp\"} 2" \
		"natmap_ports{backend=\"$backend\",family=\"ipv4\",protocol=\"sctp\"} 1" \
		"natmap_ports{backend=\"$backend\",family=\"ipv6\",protocol=\"tcp\"} 1" \
		"natmap_ports{backend=\"$backend\",family=\"ipv6\",protocol=\"udp\"} 10" \
		'natmap_connections_total{ports="8080:80/tcp"} 2' \
		'natmap_connections_total{ports="[::]:9000-9009:9000-9009/udp"} 0' \
		'natmap_port_owner_info{container="a",ports="8080:80/tcp"} 1' \
		'natmap_port_owner_info{container="b",ports="8080:80/tcp"} 1' \
		'natmap_static_connections_total{kind="dnat",name="mail"} 0' \
		'natmap_check_success 1' 'natmap_differences{kind="gone-container"} 1' \
		'natmap_differences{kind="missing-rule"} 1' 'natmap_differences{kind="stale-rule"} 0' \
		'natmap_last_reload_success 1' 'natmap_lock_waits_total 0'
	assert "$(($(date +%s) - $(value natmap_last_reload_timestamp_seconds)))" -le 60
	assert "$(awk '/^natmap_ports/ { n += $NF } END { print n }' <<<"$output")" -eq 14
}

# bats test_tags=once
@test "a host without natmap has metrics, too, and stays without; each kind of difference of the manual is there" {
	metrics
	values 'natmap_containers{state="running"} 0' 'natmap_check_success 1' 'natmap_lock_waits_total 0' 'natmap_last_reload_success '
	refute test -e "$(state_dir)"
	same "the kinds" "$(sed -n '/^\.Sy kind :$/,/^\.It/p' "$NM_TREE/man/natmap.8" | grep -oE '[a-z]+-[a-z]+|setting|jump|conflict|network' | sort)" \
		"$(sed -n 's/^natmap_differences{kind="\(.*\)"}.*/\1/p' <<<"$output" | sort)"
	assert "$(grep -ohE "(tells [0-9]+|differs) [a-z-]+" "$NM_TREE"/test/*.bats | sed 's/.* //' | sort -u |
		comm -23 - <(sed -n 's/^natmap_differences{kind="\(.*\)"}.*/\1/p' <<<"$output" | sort))" = "" "kinds that tests find, and that are not there"
	# and each metric of the manual, and no other
	same "the names" "$(sed -n 's/^\.It Sy \(natmap_[a-z_]*\).*/\1/p' "$NM_TREE/man/natmap.8" | sort)" \
		"$( (sed -n 's/^# TYPE \([a-z_]*\) .*/\1/p' <<<"$output" && printf 'natmap_last_reload_%s\n' success timestamp_seconds) | sort)"
}

# bats test_tags=once
@test "a reload that fails is told, by the configuration or by the state, until one succeeds" {
	publish web 8080:80
	config '{'
	run_natmap rc=2 reload
	metrics
	values 'natmap_last_reload_success 0' 'natmap_check_success 0' 'natmap_connections_total{ports="8080:80/tcp"} 0'
	assert "$output" lacks natmap_differences
	config '{}'
	run_natmap reload
	metrics
	values 'natmap_last_reload_success 1' 'natmap_check_success 1'
	echo garbage >>"$(state_dir)/state"
	run_natmap rc=1 reload
	metrics
	values 'natmap_last_reload_success 0' 'natmap_check_success 1' 'natmap_differences{kind="damaged-state"} 1'
}

# bats test_tags=once
@test "hooks that waited for the lock are counted, and those that gave up; one that did not wait writes nothing" {
	publish web 8080:80
	withdraw web
	assert "$(head -c 63 "$(state_dir)/lock" | tr -d '\0')" = ""
	config '{"lock_timeout_ms": 100}'
	hold_lock
	publish rc=1 web 8080:80
	publish rc=1 web 8080:80
	release() { wait_for waiters 1 && kill_group "$holder"; }
	both() { if [[ $1 = 1 ]]; then withdraw web; else release; fi; }
	at_once 2 both
	metrics
	values 'natmap_lock_waits_total 1' 'natmap_lock_timeouts_total 2'
	assert "$(value natmap_lock_wait_seconds_total)" =~ '^0\.0*[1-9]'
}

@test "promtool accepts them" {
	local promtool=${NM_PROMTOOL:-/var/cache/natmap-userlands/promtool}
	[[ -x $promtool ]] || skip "no promtool: test/install-deps.sh lint"
	everything
	metrics
	assert "$("$promtool" check metrics <<<"$output" 2>&1)" = ""
}

# bats test_tags=once
@test "what is no metric is found" {
	local faults
	faults=$(perl "$NM_TREE/test/helpers/exposition.pl" <<'END'
# HELP natmap_a_total What a is.
# TYPE natmap_a_total counter
natmap_a_total{x="1"} 1
natmap_a_total{x="1"} 2
natmap_a_total{x="a"b"} 2
natmap_a_total{x="\t"} 2
natmap_a_total -1
natmap_b 1
# HELP natmap_c What c is.
# TYPE natmap_c counter
# HELP natmap_d_ms_total What d is.
# TYPE natmap_d_ms_total counter

END
	)
	assert "$(grep -o '^line [0-9]*' <<<"$faults" | cut -d ' ' -f 2 | uniq | xargs)" = '4 5 6 7 8 10 12 13'
}

# bats test_tags=once
@test "the unit writes the file at once and whole, and keeps the old one when natmap fails" {
	local dir=$NM_TMP/textfile command
	mkdir "$dir"
	command=$(sed -n "s/^ExecStart=\/bin\/sh -c '\(.*\)'$/\1/p; " "$NM_TREE/hooks.d/natmap-metrics.service.in" | sed 's/\$\$/$/g')
	cat >"$NM_TMP/natmap" <<END
#!/bin/sh
exec $(natmap_argv | xargs -d '\n' printf '%q ') "\$@"
END
	chmod +x "$NM_TMP/natmap"
	command=${command//@BINDIR@/$NM_TMP}
	publish web 8080:80
	export DIRECTORY=$dir
	on host sh -c "$command"
	assert "$(ls "$dir")" = natmap.prom
	assert "$(cat "$dir/natmap.prom")" has 'natmap_port_owner_info{container="web",ports="8080:80/tcp"} 1'
	sed -i 1d "$(state_dir)/state"
	refute on host sh -c "$command" 2>/dev/null
	assert "$(cat "$dir/natmap.prom")" has 'container="web"'
}
