#!/bin/bash
# packages.sh [quick] [RELEASE...]
#
# Builds `make dist`'s tarball in several ways, which must give the same bytes, and of it, in other releases of Debian
# (default: bookworm), in the folders of userlands.sh, packages: Debian's twice, with the same bytes, and RPMs. Lints them, and
# runs test/packages/*.bats, which install, upgrade and remove them in a copy of the folder. quick: Debian's once, without unit
# tests, RPMs and what needs an older natmap. As root.
set -eu

cd "$(dirname "$0")/.."
build=${BUILD:-build}
before=b8185b8 # a build of 0.1.0, whose state file has format 1

say() {
	printf 'packages: %s\n' "$*"
}

# same WHAT FILE...: fails where they differ
same() {
	local what=$1 first=$2 file
	for file in "${@:3}"; do
		cmp "$first" "$file" || { say "not the same bytes: $what" && exit 1; }
	done
	say "the same bytes: $what, $(stat -c %s "$first")"
}

# dist DIRECTORY: the tarball, of this tree twice, and of what is in it
dist() {
	local tarball again
	rm -rf "$1" && mkdir -p "$1/again"
	make -s dist
	tarball=$(echo "$build"/dist/natmap-*.tar.gz)
	again=$1/again/$(basename "$tarball")
	(umask 077 && TZ=Asia/Tokyo packaging/dist.sh "$(sed -n 's/^VERSION := //p' Makefile)" "$again")
	same "the source, of this tree twice" "$tarball" "$again"
	tar -xf "$again" -C "$1/again"
	make -s -C "${again%.tar.gz}" BUILD=build dist
	same "the source, of itself" "$tarball" "${again%.tar.gz}/build/dist/$(basename "$tarball")"
	rm -rf "$1/again"
	mv "$tarball" "$1/"
}

# older DIRECTORY: the source of the natmap before
older() {
	git -c safe.directory="$PWD" archive "$before" >"$1/before.tar" ||
		{ say "$before is not in this clone: git fetch --unshallow" && exit 1; }
}

# built DIRECTORY SOURCE: in a release, the packages of the source in DIRECTORY
built() {
	local new
	rm -rf "$1" && mkdir -p "$1"
	if [[ $quick ]]; then
		DEB_BUILD_OPTIONS=nocheck packaging/build.sh deb "$2"/natmap-*.tar.gz "$1"
	else
		mkdir "$1/again"
		packaging/build.sh deb "$2"/natmap-*.tar.gz "$1"
		DEB_BUILD_OPTIONS=nocheck packaging/build.sh deb "$2"/natmap-*.tar.gz "$1/again"
		for new in "$1"/*.deb "$1"/*.dsc; do
			same "$(basename "$new")" "$new" "$1/again/$(basename "$new")"
		done
		RPM_BUILD_OPTIONS=--nocheck packaging/build.sh rpm "$2"/natmap-*.tar.gz "$1"
		before_deb "$1" "$2/before.tar"
	fi
	# A maintainer's name, and a bug that it closes, are for Debian's own first upload; the policy's version is that of unstable.
	lintian --allow-root --fail-on error,warning "$1"/natmap_*.changes \
		--suppress-tags no-human-maintainers,initial-upload-closes-no-bugs,newer-standards-version
	say "lintian has no errors and no warnings"
}

# before_deb DIRECTORY SOURCE: the package, as an earlier version, with the older program, which is built once
before_deb() {
	local work old=$1-$before
	work=$(mktemp -d)
	if [[ ! -x "$old/build/natmap" ]]; then
		rm -rf "$old" && mkdir "$old"
		tar -xf "$2" -C "$old"
		make -s -j"$(nproc)" -C "$old" BUILD=build build/natmap
	fi
	dpkg-deb --raw-extract "$1"/natmap_*_*.deb "$work/package"
	cp "$old/build/natmap" "$work/package/usr/bin/natmap"
	sed -i 's/^Version: .*/Version: 0.9.0~'"$before"'-1/' "$work/package/DEBIAN/control"
	rm "$work/package/DEBIAN/md5sums"
	dpkg-deb --root-owner-group --build "$work/package" "$1/before.deb" >/dev/null
	rm -rf "$work"
}

# copied COMMAND...: runs it in a release on a copy of its files, of which nothing stays
copied() {
	local root=/tmp/root dir
	mkdir -p /tmp/up /tmp/work "$root"
	mount -t overlay -o lowerdir=/,upperdir=/tmp/up,workdir=/tmp/work overlay "$root"
	for dir in proc sys dev run mnt; do
		mount --rbind "/$dir" "$root/$dir"
	done
	mount -t tmpfs tmpfs "$root/tmp"
	exec chroot "$root" sh -c 'cd /mnt && exec "$@"' sh "$@"
}

quick="" options=()
if [[ "${1:-}" = quick ]]; then
	quick=1 options=(quick)
	shift
fi
case ${1:-} in
in) # in a release: DIRECTORY SOURCE
	built "$2" "$3"
	find "$2" -maxdepth 1 \( -name '*.deb' -o -name '*.rpm' \) -printf 'packages: %f %s bytes\n'
	exit
	;;
on) # on a copy of it: DIRECTORY
	export NM_PACKAGES=$2 BUILD=$build
	tests=(test/packages/deb.bats)
	[[ $quick ]] || tests+=(test/packages/rpm.bats)
	copied bats ${quick:+--filter-tags '!older'} "${tests[@]}"
	;;
esac

[[ $# -gt 0 ]] || set -- bookworm
source=$build/packages/source
dist "$source"
[[ $quick ]] || older "$source"
for release; do
	printf '\n== %s\n' "$release"
	test/userlands.sh prepare "$release" /mnt/test/install-deps.sh packages
	for step in in on; do
		unshare --net -- test/userlands.sh run "$release" BUILD="$build" /mnt/test/packages.sh "${options[@]}" "$step" \
			"/mnt/$build/packages/$release" "/mnt/$source"
	done
done
