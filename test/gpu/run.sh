#!/bin/sh
# Runs the checks of an unpacked bundle (make gpu-bundle) on this machine, and keeps what they print in gpu.txt. It fails
# where a device does not do what its self-test says.
dir=$(cd "$(dirname "$0")" && pwd)
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null || echo "no nvidia-smi here"
{ "$dir/gpu" -dir "$dir" 2>&1; echo $? >"$dir/status"; } | tee "$dir/gpu.txt"
exit "$(cat "$dir/status")"
