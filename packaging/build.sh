#!/bin/sh
# build.sh deb|rpm TARBALL DIRECTORY: builds source and binary packages of what `make dist` has made, and puts them there.
# DEB_BUILD_OPTIONS=nocheck or RPM_BUILD_OPTIONS=--nocheck leaves the unit tests out.
set -eu
unset MAKEFLAGS MAKEOVERRIDES MAKELEVEL
tarball=$(realpath "$2") out=$(realpath "$3")
name=$(basename "$tarball" .tar.gz)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

# run COMMAND...: what it says is shown when it fails
run() {
	"$@" >"$work/log" 2>&1 || { cat "$work/log" >&2 && exit 1; }
}

cd "$work"
tar -xf "$tarball"
case $1 in
deb)
	cp "$tarball" "natmap_${name#natmap-}.orig.tar.gz"
	cp -r "$name/packaging/debian" "$name/debian"
	cd "$name"
	run dpkg-buildpackage --no-sign
	mv ../natmap*_* "$out/"
	;;
rpm)
	mkdir SOURCES
	cp "$tarball" SOURCES/
	nodeps="" # Debian's rpm knows of no installed package: what is needed must be here
	[ ! -e /etc/debian_version ] || nodeps=--nodeps
	# shellcheck disable=SC2086 # lists of words
	run rpmbuild -ba $nodeps ${RPM_BUILD_OPTIONS:-} --define "_topdir $work" "$name/packaging/natmap.spec"
	mv SRPMS/*.rpm RPMS/*/*.rpm "$out/"
	;;
esac
