#!/usr/bin/env bash
# The variants to train, one a line in target/changed.txt: those that the merge request touches, or all
# if BASE, the commit it starts from, is empty.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p target
if [ -n "${BASE:-}" ]; then
    cargo xtask changed --base "$BASE" > target/changed.txt
else
    for manifest in crates/*/Cargo.toml; do
        basename "$(dirname "$manifest")"
    done > target/changed.txt
fi
cat target/changed.txt
