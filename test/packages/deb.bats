#!/usr/bin/env bats
# The Debian package: installed, it publishes; upgraded and downgraded, it keeps what is published; purged, it leaves nothing.
# packages.sh runs this on a copy of a release, whose /usr, /etc and package database these tests may change.
# shellcheck disable=SC2030,SC2031,SC2034,SC2154 # NM_ARGV is for run_natmap, and $output and $stderr come from it

load ../helpers/natmap

setup_file() {
	NEW=$(echo "$NM_PACKAGES"/natmap_*_*.deb)
	OLD=$NM_PACKAGES/before.deb
	export NEW OLD NATMAP=/usr/bin/natmap
}

setup() {
	net_up
	files >"$NM_TMP/files"
}

teardown() {
	on host dpkg --purge natmap >/dev/null
	net_down
}

# install DEB: in the host's network namespace, as apt does
install() {
	on host dpkg --install "$1" >"$NM_TMP/dpkg" 2>&1 || fail "$(<"$NM_TMP/dpkg")"
}

# files: all there is, but what dpkg, apt and the linker keep for themselves
files() {
	find / -xdev -path /var/lib/dpkg -prune -o -path /var/log -prune -o -path /var/cache -prune -o -path /mnt -prune -o \
		-type d -printf '%p %m %u\n' -o -printf '%p %m %u %s %l\n' | LC_ALL=C sort
}

# by_default: from here on natmap has its own state directory and configuration
by_default() {
	NM_ARGV=("$NATMAP")
}

# snapshot_state: all of natmap's files and rules
snapshot_state() {
	snapshot host
	cat "$NM_TMP/state/state"
}

@test "the package publishes as the autopkgtest says, and purging it leaves nothing" {
	install "$NEW"
	assert "$(dpkg-query -W -f '${Depends}' natmap)" =~ '^libc6 \(>= [0-9.]+\), libyajl2[a-z0-9]* \(>= [0-9.]+\)$'
	/mnt/packaging/debian/tests/publish >"$NM_TMP/publish" 2>&1 || fail "$(<"$NM_TMP/publish")"
	assert "$(find /etc/systemd/system -name 'natmap*' -printf '%f\n' | sort -u | xargs)" = \
		'natmap-follow.service natmap-forwarding.path natmap-gc.timer natmap-heal.timer natmap.service' "enabled units"
	on host dpkg --purge natmap >"$NM_TMP/dpkg" 2>&1 || fail "$(<"$NM_TMP/dpkg")"
	same "files" "$(<"$NM_TMP/files")" "$(files)"
	refute test -e /run/natmap
}

@test "what is installed changes nothing on a host where nothing is published, and a removal takes back what is" {
	local before
	before=$(snapshot host)
	install "$NEW"
	by_default
	# what the units that are enabled run
	run_natmap reload
	run_natmap gc
	same "the host" "$before" "$(snapshot host)"
	echo '{ "version": 1 }' >/etc/natmap/natmap.json
	publish web 8080:80
	serve ctr tcp 80 web
	assert_reach web ext tcp 192.0.2.1 8080
	on host dpkg --remove natmap >"$NM_TMP/dpkg" 2>&1 || fail "$(<"$NM_TMP/dpkg")"
	same "the host" "$before" "$(snapshot host)"
	assert "$(</etc/natmap/natmap.json)" has version
	on host dpkg --purge natmap >"$NM_TMP/dpkg" 2>&1
	same "files" "$(<"$NM_TMP/files")" "$(files)"
	refute test -e /run/natmap
}

# upgrade BACKEND: from the older package to this one, under live ports
upgrade() {
	install "$OLD"
	by_default
	printf '{ "backend": "%s" }\n' "$1" >/etc/natmap/natmap.json
	serve ctr tcp 80 'web %p'
	publish web 8080:80 127.0.0.1:8081:80 9000-9009:9000-9009
	publish other 7070:70/udp
	flow_open held ext tcp 192.0.2.1 8080
	assert "$(flow_ask held)" = 'web 192.0.2.2'
	assert "$(head -n 1 /run/natmap/state)" has '{"natmap":1,'
	install "$NEW"
	assert "$(flow_ask held)" = 'web 192.0.2.2' "after the upgrade"
	assert_reach 'web 192.0.2.2' ext tcp 192.0.2.1 8080
	run_natmap list
	assert "$output" has 7070
	# what systemd does after an upgrade
	run_natmap reload
	assert "$(head -n 1 /run/natmap/state)" has '{"natmap":2,'
	assert "$(flow_ask held)" = 'web 192.0.2.2' "after the reload"
	assert_reach 'web 192.0.2.2' ext tcp 192.0.2.1 8080
	assert_reach 'web 10.88.7.1' host tcp 127.0.0.1 8081
	run_natmap check
	publish third 6060:60
	withdraw other
	withdraw third
	assert "$(flow_ask held)" = 'web 192.0.2.2' "after other hooks"
	withdraw web
	assert_clean
}

# bats test_tags=older
@test "an upgrade from a build of 0.1.0 keeps ports and open connections, iptables" {
	upgrade iptables
}

# bats test_tags=older
@test "an upgrade from a build of 0.1.0 keeps ports and open connections, nftables" {
	upgrade nftables
}

# bats test_tags=older
@test "after a downgrade the state is refused in one line, and ports and connections stay until the upgrade" {
	local before
	install "$NEW"
	serve ctr tcp 80 'web %p'
	publish web 8080:80
	flow_open held ext tcp 192.0.2.1 8080
	assert "$(flow_ask held)" = 'web 192.0.2.2'
	before=$(snapshot_state)
	install "$OLD"
	publish rc=1 other 9090:90
	assert "$stderr" has 'format 2 is newer than this natmap'
	withdraw rc=1 web
	run_natmap rc=1 reload
	run_natmap rc=1 flush --force
	same "state and rules" "$before" "$(snapshot_state)"
	assert "$(flow_ask held)" = 'web 192.0.2.2'
	assert_reach 'web 192.0.2.2' ext tcp 192.0.2.1 8080
	config '{ "version": 1 }'
	publish rc=2 other 9090:90
	assert "$stderr" has 'version: unknown key'
	config '{}'
	install "$NEW"
	run_natmap reload
	assert "$(flow_ask held)" = 'web 192.0.2.2'
	withdraw web
	assert_clean
}
