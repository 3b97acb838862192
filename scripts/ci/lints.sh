#!/usr/bin/env bash
# Clippy over the workspace, and what it says as target/code-quality.json.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p target

lint() { cargo clippy --workspace --all-targets --keep-going "$@" -- -D warnings; }

status=0
lint --quiet --message-format=json > target/clippy.json || status=$?
cargo xtask code-quality target/clippy.json --out target/code-quality.json
# Once more for people; nothing is compiled again.
[ "$status" = 0 ] || lint || true
exit "$status"
