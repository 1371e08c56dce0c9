#!/bin/sh
# dist.sh VERSION TARBALL: writes the source as natmap-VERSION/, the same bytes for the same source: sorted names, nobody's
# files, the day of the release in CHANGELOG.md. From a clone that is what git knows, as it is now; from an unpacked
# tarball all but $BUILD.
set -eu
cd "$(dirname "$0")/.."
version=$1 tarball=$2
day=$(sed -n "s/^## \[$version\] - \([0-9-]*\)$/\1/p" CHANGELOG.md)
if [ -z "$day" ]; then
	echo "dist: CHANGELOG.md has no day for $version" >&2
	exit 1
fi

files() {
	if [ -e .git ]; then # which may belong to another user
		git -c safe.directory="$PWD" ls-files -z
	else
		find . -path "./${BUILD:-build}" -prune -o ! -type d -printf '%P\0'
	fi
}

trap 'rm -f "$tarball.files" "$tarball.tar"' EXIT
files >"$tarball.files"
LC_ALL=C sort -z "$tarball.files" | tar --create --file "$tarball.tar" --format ustar --transform "flags=r;s,^,natmap-$version/," \
	--owner 0 --group 0 --numeric-owner --mode u=rwX,go=rX --mtime "$day 00:00Z" --no-recursion --null --files-from -
gzip -9 -n <"$tarball.tar" >"$tarball.new"
mv "$tarball.new" "$tarball"
