#!/usr/bin/env bash
# Compares runs/ with the records at BASE, in CI the commit a merge request starts from and HEAD without
# one, into target/compare/; writes the table under the merge request if there is a token for it.
set -euo pipefail
cd "$(dirname "$0")/../.."
# A cache may hold the last one.
rm -rf target/compare
if [ ! -d runs ]; then
    echo "nothing was trained: there is no runs/" >&2
    exit 1
fi
base=target/compare-base
rm -rf "$base" && mkdir -p "$base"
# What a merge request does to results/ must not hide what it does to the numbers.
git archive "${BASE:-${CI_MERGE_REQUEST_DIFF_BASE_SHA:-HEAD}}" results docs/pictures | tar --extract --directory "$base"
only=()
for variant in crates/*/; do
    variant=$(basename "$variant")
    if compgen -G "runs/*/$variant/*/record.json" > /dev/null; then
        only+=(--only "$variant")
    fi
done
if [ "${#only[@]}" = 0 ]; then
    echo "runs/ holds no record of a paper" >&2
    exit 1
fi
status=0
cargo xtask compare --base "$base/results" --new runs --out target/compare "${only[@]}" || status=$?
scripts/ci/note.sh target/compare/compare.md
exit "$status"
