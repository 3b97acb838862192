#!/usr/bin/env bash
# The site for GitLab Pages, with rustdoc and the explorers of the quick runs of the papers whose chapter has a place for
# one. The argument is the folder; REPOSITORY is the address of the repository's files.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-target/site}

sed -n 's/^<!-- explorer: \(.*\) -->$/\1/p' docs/course/*.md | sort -u | while read -r paper; do
    [ -f "runs/$paper/quick/explore.html" ] || cargo run --release -p "$paper" -- train < /dev/null
done
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
cargo xtask site --out "$out" ${REPOSITORY:+--repository "$REPOSITORY"}
