#!/bin/bash
# fuzz.sh TIME PATTERN: finds every fuzz target of the module whose name, PACKAGE.TARGET, has the pattern, and runs each for
# so long. It fails where one of them found something, after all have run.
set -euo pipefail
time=$1 pattern=$2
failed=()
log=$(mktemp)
trap 'rm -f "$log"' EXIT
while read -r package; do
  while read -r target; do
    name="${package#castnet/}.$target"
    [[ $name =~ $pattern ]] || continue
    echo "--- $name for $time"
    # Else it tries for a minute to make each new input smaller, and finds no other meanwhile.
    # A worker that is cut off at the very end is told as "context deadline exceeded": nothing was found.
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1s "$package" 2>&1 | tee "$log" ||
      [[ $(grep -A1 "^--- FAIL: $target" "$log" | tail -1) =~ ^\ +context\ deadline\ exceeded$ ]] || failed+=("$name")
  done < <(go test -list '^Fuzz' "$package" | grep '^Fuzz' || true)
done < <(go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{.Dir}} {{.TestGoFiles}}{{.XTestGoFiles}}{{end}}' ./... |
  while read -r package dir _; do grep -ls '^func Fuzz' "$dir"/*_test.go > /dev/null && echo "$package"; done)
if (( ${#failed[@]} )); then
  printf 'found something: %s\n' "${failed[@]}"
  exit 1
fi
