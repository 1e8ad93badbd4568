#!/usr/bin/env bash
# Installs what Castnet is built and tested with: deps.sh build|test. Idempotent; a second run only looks.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
what=${1:-build}
say() { echo "deps: $*" >&2; }
die() { say "$*"; exit 1; }

# at_least HAVE WANT: true where version HAVE is WANT or newer.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

[ -n "${HOME:-}" ] || die "HOME is not set: Go, npm and the FFmpeg that is built once keep what they fetch below it"
command -v go >/dev/null || die "Go is missing: install Go 1.26 or newer (https://go.dev/dl) and put it on the PATH"
go_version=$(go env GOVERSION | sed 's/^go//')
at_least "$go_version" 1.26 || die "Go $go_version is too old: 1.26 or newer is needed (https://go.dev/dl)"
command -v node >/dev/null || die "Node is missing: install Node 20 or newer (https://nodejs.org, or nodesource's Debian packages)"
node_version=$(node --version | sed 's/^v//')
at_least "$node_version" 20 || die "Node $node_version is too old: 20 or newer is needed (https://nodejs.org)"
command -v npm >/dev/null || die "npm is missing: it comes with Node's own packages; on Debian also as 'npm'"

packages=(gcc libc6-dev pkg-config git ca-certificates)
debian=$(. /etc/os-release 2>/dev/null && [ "${ID:-}" = debian ] && echo "${VERSION_ID:-0}" || echo 0)
if [ "$debian" -ge 13 ]; then
	packages+=(libavcodec-dev libavdevice-dev libavfilter-dev libavformat-dev libavutil-dev libswresample-dev libswscale-dev ffmpeg)
else # FFmpeg is built from source
	packages+=(make patch nasm clang-14 dpkg-dev xz-utils libx264-dev libx265-dev libaom-dev libdav1d-dev libopus-dev libzimg-dev zlib1g-dev)
fi
if [ "$what" = test ]; then
	packages+=(ffmpeg chromium opencv-doc redis-server protobuf-compiler)
	packages+=(gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-rtsp srt-tools mpv)
fi

missing=()
for p in "${packages[@]}"; do
	dpkg-query -W -f '${db:Status-Abbrev}' "$p" 2>/dev/null | grep -q '^ii' || missing+=("$p")
done
if [ ${#missing[@]} -gt 0 ]; then
	[ "$debian" != 0 ] || die "this is not Debian: install the equivalents of: ${missing[*]}"
	as_root=()
	if [ "$(id -u)" != 0 ]; then
		command -v sudo >/dev/null || die "root or sudo is needed once, for: apt-get install ${missing[*]}"
		as_root=(sudo)
	fi
	say "installing ${missing[*]}"
	log=$(mktemp)
	install_packages() {
		"${as_root[@]}" apt-get -qq update &&
			"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}"
	}
	# The redis-server package starts a server of its own; tests start theirs on free ports, so keep it off.
	if ! install_packages >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		die "apt-get could not install them (see above)"
	fi
	rm -f "$log"
fi

"$here/ffmpeg.sh" >/dev/null
