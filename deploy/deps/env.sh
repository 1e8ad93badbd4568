#!/usr/bin/env bash
# Runs a command with the FFmpeg that deps.sh chose: env.sh go build ./...
set -euo pipefail

prefix=$("$(dirname "$0")/ffmpeg.sh")
if [ -n "$prefix" ]; then
	export PKG_CONFIG_PATH="$prefix/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
	export PATH="$prefix/bin:$PATH"
	# Go's build cache does not know what pkg-config says: of two FFmpegs it may link the one that it met first.
	export CGO_LDFLAGS="-O2 -g -L$prefix/lib"
fi
exec "$@"
