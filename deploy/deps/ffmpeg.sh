#!/usr/bin/env bash
# Prints the prefix of an FFmpeg 7.x to build against (empty: the system's own), building it first where needed.
#
# Debian 13 packages FFmpeg 7.1. Debian 12 packages 5.1, so there we take Debian 13's source package, checked by
# apt's signatures, and build the parts that Castnet uses. The result is cached outside the work tree, keyed by the
# source version and the configure flags; a second run costs nothing.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${CASTNET_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/castnet}
say() { echo "deps: $*" >&2; }

# libavcodec 61 is FFmpeg 7.x.
# Only the system's own counts: PKG_CONFIG_PATH may name what an earlier run of this script built.
system() { env -u PKG_CONFIG_PATH pkg-config "$@" libavcodec 2>/dev/null; }
if [ "${CASTNET_FFMPEG:-}" != build ] && system --atleast-version=61 && ! system --atleast-version=62; then
	exit 0
fi

mapfile -d '' -t flags < <(grep -v '^#' "$here/ffmpeg-flags" | xargs printf '%s\0')
key=$(cat "$here/ffmpeg-flags" "$here"/*.patch "$0" | sha256sum | cut -c1-12)
prefix=$cache/ffmpeg-7.1-$key
if [ -x "$prefix/bin/ffmpeg" ]; then
	echo "$prefix"
	exit 0
fi

mkdir -p "$cache"
exec 9>"$cache/ffmpeg.lock"
flock 9 # two makes at once: the second waits and finds the work done
if [ -x "$prefix/bin/ffmpeg" ]; then
	echo "$prefix"
	exit 0
fi

work=$(mktemp -d "$cache/ffmpeg-build.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{lists/partial,cache/archives/partial,src}

# A private apt configuration with Debian 13's source index; the mirror is the one this machine already uses.
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -m1 '/debian/\?$' || true)
[ -n "$mirror" ] || { say "no Debian mirror in this machine's apt sources: install FFmpeg 7.x yourself"; exit 1; }
printf 'deb-src %s trixie main\ndeb %s trixie main\n' "$mirror" "$mirror" >"$work/sources.list"
aptp() {
	(cd "$work/src" && apt-get -qq -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- \
		-o Dir::State::lists="$work/lists" -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root "$@") >&2
}
say "fetching the FFmpeg 7.1 source (about 11 MB)"
aptp update
aptp source --download-only ffmpeg
aptp download libffmpeg-nvenc-dev

cd "$work/src"
mkdir ffmpeg nv
tar -xf ffmpeg_*.orig.tar.xz -C ffmpeg --strip-components=1
dpkg-deb -x libffmpeg-nvenc-dev_*.deb nv
pc=$(find nv -name ffnvcodec.pc)
sed -i "s|^prefix=.*|prefix=$work/src/nv/usr|" "$pc"

say "building FFmpeg 7.1: about five minutes on two cores, once (log: $cache/ffmpeg-build.log)"
cd ffmpeg
cat "$here"/*.patch | patch -p1 >&2
build() {
	PKG_CONFIG_PATH=$(dirname "$work/src/$pc") ./configure --prefix="$work/prefix$prefix" --extra-version=castnet "${flags[@]}"
	make -j"$(nproc)"
	make install
}
if ! build >"$cache/ffmpeg-build.log" 2>&1; then
	tail -n 20 "$cache/ffmpeg-build.log" >&2
	exit 1
fi
# Relocate: the .pc files name the staging folder.
sed -i "s|$work/prefix||g" "$work/prefix$prefix"/lib/pkgconfig/*.pc
rm -rf "$prefix"
mv "$work/prefix$prefix" "$prefix"
say "FFmpeg 7.1 is in $prefix"
echo "$prefix"
