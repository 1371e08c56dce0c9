#!/usr/bin/env bats
# What `make install` puts where, and whether it fits together: units, hooks.

load helpers/natmap

setup() {
	net_up
	PREFIX=$NM_TMP/usr
}

teardown() {
	net_down
}

# install_make ARGUMENT...: make with the binary under test, in a build directory of the test's own
install_make() {
	mkdir -p "$NM_TMP/build"
	[[ -e "$NM_TMP/build/natmap" ]] || cp "$NATMAP" "$NM_TMP/build/natmap"
	make -s -C "$NM_TREE" BUILD="$NM_TMP/build" -o "$NM_TMP/build/natmap" DESTDIR= "$@"
}

# installed DIRECTORY: the files below it
installed() {
	(cd "$1" && find . ! -type d | sort)
}

@test "everything is installed below DESTDIR and PREFIX, and uninstall takes it away" {
	local run=(install_make DESTDIR="$NM_TMP/image" PREFIX=/opt/natmap)
	"${run[@]}" install
	assert "$("$NM_TMP/image/opt/natmap/bin/natmap" version)" =~ ^'natmap '
	same "the installed files" "./bin/natmap
./lib/systemd/system/natmap-gc.service
./lib/systemd/system/natmap-gc.timer
./lib/systemd/system/natmap.service
./share/containers/oci/hooks.d/natmap.json
./share/man/man8/natmap.8
./share/natmap/runc.json" "$(installed "$NM_TMP/image/opt/natmap")"
	assert "$(installed "$NM_TMP/image" | grep -v '^\./opt/natmap/')" = "" "files elsewhere"
	"${run[@]}" uninstall
	assert "$(installed "$NM_TMP/image")" = "" "files that uninstall left"
	refute test -e "$NM_TMP/image/opt/natmap/share/natmap"
}

@test "each directory can be chosen" {
	local run=(install_make DESTDIR="$NM_TMP/image" BINDIR=/1 MANDIR=/2 DATADIR=/3 UNITDIR=/4 HOOKSDIR=/5)
	"${run[@]}" install
	assert "$(installed "$NM_TMP/image" | cut -d / -f 2 | uniq | xargs)" = "1 2 3 4 5"
	"${run[@]}" uninstall
	assert "$(installed "$NM_TMP/image")" = "" "files that uninstall left"
}

@test "units and hooks name the installed program, also after a build for another prefix" {
	install_make PREFIX=/opt/natmap all
	install_make PREFIX="$PREFIX" install
	local file
	for file in lib/systemd/system/natmap{,-gc}.service share/natmap/runc.json share/containers/oci/hooks.d/natmap.json; do
		assert "$(grep -o '[^ "=]*/bin/natmap' "$PREFIX/$file" | sort -u)" = "$PREFIX/bin/natmap" "$file"
	done
	refute grep -r '@[A-Z]*@' "$PREFIX/lib" "$PREFIX/share"
}

@test "systemd accepts the units" {
	install_make PREFIX="$PREFIX" install
	local dir=$PREFIX/lib/systemd/system
	SYSTEMD_UNIT_PATH=$dir: systemd-analyze verify --man=no "$dir"/natmap* >"$NM_TMP/verify" 2>&1 || fail "$(<"$NM_TMP/verify")"
	# it may have something to say about the machine's own units
	assert "$(grep natmap "$NM_TMP/verify")" = ""
}

@test "natmap.service follows each service that it is ordered after" {
	local unit=$NM_TREE/hooks.d/natmap.service.in after key
	after=$(sed -n 's/^After=//p' "$unit")
	assert "$after" has nftables.service
	for key in PartOf ReloadPropagatedFrom WantedBy; do
		assert "$(sed -n "s/^$key=//p" "$unit" | grep -vx multi-user.target)" = "$after" "$key"
	done
}

@test "both services are confined in the same way" {
	local block='/^CapabilityBoundingSet=/,/^UMask=/p'
	assert "$(sed -n "$block" "$NM_TREE/hooks.d/natmap.service.in")" has ProtectSystem=strict
	same "the sandbox" "$(sed -n "$block" "$NM_TREE/hooks.d/natmap.service.in")" \
		"$(sed -n "$block" "$NM_TREE/hooks.d/natmap-gc.service.in")"
}

@test "the capabilities of the services are enough to take a container's rules away" {
	local left
	left=$(sed -n 's/^CapabilityBoundingSet=CAP_//p' "$NM_TREE/hooks.d/natmap.service.in")
	publish web 8080:80
	# shellcheck disable=SC2034 # for run_natmap
	NM_WRAP=(setpriv --inh-caps=-all --bounding-set="-all,+${left,,}" --no-new-privs)
	withdraw web
	assert_clean
}

@test "the hook for podman and CRI-O runs for containers with ports alone, when they begin and when they end" {
	install_make PREFIX="$PREFIX" install
	local json=$PREFIX/share/containers/oci/hooks.d/natmap.json annotation
	assert "$(jq -c '[.version, .hook.path, .hook.args, .stages]' "$json")" = \
		'["1.0.0","'"$PREFIX"'/bin/natmap",["natmap","hook"],["createRuntime","poststop"]]'
	# longer than natmap waits for its lock
	assert "$(jq '.hook.timeout' "$json")" -gt 5
	assert "$(jq -c '.when | keys' "$json")" = '["annotations"]'
	assert "$(jq -c '.when.annotations' "$json")" = '{"^io\\.natmap\\.ports$":".+"}'
	for annotation in io.natmap.ports=1 xio.natmap.ports=0 io.natmap.ports.x=0 io-natmap-ports=0 io.natmap.allow=0; do
		assert "$(jq --arg key "${annotation%=*}" '.when.annotations | keys[0] as $re | [$key | select(test($re))] | length' "$json")" \
			= "${annotation#*=}" "${annotation%=*}"
	done
}

@test "the hooks for a bundle say their stage" {
	install_make PREFIX="$PREFIX" install
	assert "$(jq -c '.hooks | map_values(map([.path, .args, .timeout > 5]))' "$PREFIX/share/natmap/runc.json")" = \
		'{"createRuntime":[["'"$PREFIX"'/bin/natmap",["natmap","hook","createRuntime"],true]],"poststop":[["'"$PREFIX"'/bin/natmap",["natmap","hook","poststop"],true]]}'
}
