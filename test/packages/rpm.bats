#!/usr/bin/env bats
# The RPM, on a copy of a release, whose database of RPMs is empty.
# shellcheck disable=SC2034 # NM_ARGV is for run_natmap
# bats file_tags=older

load ../helpers/natmap

setup() {
	net_up
	NATMAP=/usr/bin/natmap
	mapfile -t NEW < <(find "$NM_PACKAGES" -name 'natmap-1*.rpm' ! -name '*.src.rpm')
}

# files: of the RPM, without directories, what only packages have, and the compression of manual pages
files() {
	rpm -qplv "${NEW[0]}" | awk '$1 !~ /^d/ && !/\.build-id|\/usr\/share\/(doc|licenses)\// { sub(/\.gz$/, ""); print $9 }' | LC_ALL=C sort
}

@test "the RPM has what make install installs" {
	make -s -C /mnt -o all DESTDIR="$NM_TMP/image" PREFIX=/usr install 2>/dev/null
	assert "${#NEW[@]}" -eq 1
	same "files" "$(cd "$NM_TMP/image" && find . ! -type d | sed 's/^\.//' | LC_ALL=C sort)" "$(files)"
}

@test "the RPM publishes, keeps ports when it is installed anew, and takes them back when it is removed" {
	local before
	before=$(snapshot host)
	on host rpm --install --nodeps "${NEW[@]}"
	NM_ARGV=("$NATMAP")
	/mnt/packaging/debian/tests/publish >"$NM_TMP/publish" 2>&1 || fail "$(<"$NM_TMP/publish")"
	publish web 8080:80
	serve ctr tcp 80 web
	flow_open held ext tcp 192.0.2.1 8080
	on host rpm --reinstall --nodeps "${NEW[@]}"
	assert "$(flow_ask held)" = web
	on host rpm --erase natmap
	same "the host" "$before" "$(snapshot host)"
	refute test -e /run/natmap -o -e /usr/bin/natmap -o -e /usr/share/natmap
}
