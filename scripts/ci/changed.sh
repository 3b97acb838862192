#!/usr/bin/env bash
# Writes target/train.yml, the child pipeline that trains the papers that differ from BASE, in CI the commit a
# merge request starts from, or all papers if there is none.
set -euo pipefail
cd "$(dirname "$0")/../.."
mkdir -p target
base=${BASE:-${CI_MERGE_REQUEST_DIFF_BASE_SHA:-}}
cargo xtask changed ${base:+--base "$base"} --pipeline target/train.yml
