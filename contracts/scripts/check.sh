#!/usr/bin/env bash
# Everything that must hold of the contracts: see the Makefile's target contracts.
set -euo pipefail
cd "$(dirname "$0")/.."
forge() { npx --no-install forge "$@"; }

echo '--- compile, sizes, storage layout'
forge build >/dev/null || { forge build; exit 1; } # before the linter, which leaves artifacts without code or layout of what it compiles
forge build --skip test --sizes >/dev/null || { forge build --skip test --sizes; exit 1; }
node scripts/layout.js
echo '--- format, lint'
forge fmt --check
forge lint
npx --no-install solhint --disc --noPoster --max-warnings 0 'src/**/*.sol'
echo '--- tests, gas'
FORGE_SNAPSHOT_CHECK=true forge test
echo '--- coverage'
forge coverage --no-match-contract 'Gas|Invariants' --report lcov --report-file out/coverage.lcov
node scripts/coverage.js out/coverage.lcov 95
