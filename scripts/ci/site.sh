#!/usr/bin/env bash
# The site for GitLab Pages, with rustdoc and the explorers that the chapters have a place for: of the preset that one
# names, else of quick. The argument is the folder; REPOSITORY is the address of the repository's files.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-target/site}

sed -n 's/^<!-- explorer: \(.*\) -->$/\1/p' docs/course/*.md | sort -u | while read -r paper preset; do
    preset=${preset:-quick}
    run=runs/$paper/$preset
    if [ -f "$run/explore.html" ]; then continue; fi
    options=(train --config "$preset")
    if [ -f "$run/record.json" ]; then
        # Finished before there were explorers.
        options=(explore --run "$run")
    elif [ -f "$run/config.toml" ]; then
        options+=(--resume)
    fi
    cargo run --release -p "$paper" -- "${options[@]}" < /dev/null
done
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
cargo xtask site --out "$out" ${REPOSITORY:+--repository "$REPOSITORY"}
