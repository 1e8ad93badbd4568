#!/usr/bin/env bash
# Packs the checks, castnet-worker, ffmpeg, the clip, and the libraries that they load, C library included: nothing but
# the card's driver has to be on the machine that runs it. bundle.sh FILE.tar.gz
set -euo pipefail

out=$(realpath "$1")
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/lib"

go build -C "$root" -trimpath -ldflags '-s -w' -o "$work/lib/gpu.bin" ./test/gpu
go build -C "$root" -trimpath -ldflags '-s -w' -o "$work/lib/castnet-worker.bin" ./cmd/castnet-worker
cp "$(command -v ffmpeg)" "$work/lib/ffmpeg.bin"
for program in gpu castnet-worker ffmpeg; do
	ldd "$work/lib/$program.bin" 2>/dev/null | awk '/=> \// { print $3 } /^\t\// { print $1 }' | while read -r lib; do
		cp -n "$lib" "$work/lib/"
	done
	# The loader that comes along: the machine's own may be older than the libraries. Drivers are where the machine's
	# LD_LIBRARY_PATH says, which this loader does not read, or where containers have them.
	cat >"$work/$program" <<-EOF
		#!/bin/sh
		dir=\${0%/*}
		path=\$dir/lib\${LD_LIBRARY_PATH:+:\$LD_LIBRARY_PATH}:/usr/local/nvidia/lib64:/usr/local/nvidia/lib
		exec "\$dir/lib/ld-linux-x86-64.so.2" --library-path "\$path" "\$dir/lib/$program.bin" "\$@"
	EOF
	chmod +x "$work/$program"
done
# What the driver's libraries load of the C library.
for lib in libdl.so.2 libpthread.so.0 librt.so.1 libm.so.6 libgcc_s.so.1; do
	cp -n "/lib/x86_64-linux-gnu/$lib" "$work/lib/"
done
cp "$here/run.sh" "$work/"
"$work/gpu" -pack "$work"
tar -C "$work" -czf "$out" .
size=$(stat -c %s "$out")
echo "$out: $((size / 1048576)) MiB"
[ "$size" -le $((60 * 1048576)) ] || { echo "larger than 60 MiB" >&2; exit 1; }
