#!/usr/bin/env bash
# The variants to train, one a line in target/changed.txt: those that differ from BASE, in CI the commit
# a merge request starts from, or all if there is none.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p target
base=${BASE:-${CI_MERGE_REQUEST_DIFF_BASE_SHA:-}}
if [ -n "$base" ]; then
    cargo xtask changed --base "$base" > target/changed.txt
else
    for manifest in crates/*/Cargo.toml; do
        basename "$(dirname "$manifest")"
    done > target/changed.txt
fi
cat target/changed.txt
