#!/usr/bin/env bash
# Compares runs/ with the records at BASE, in CI the commit a merge request starts from and HEAD without one, into
# target/compare/, and with the branch's own records where they are others, into target/compare/own/; writes the tables
# under the merge request if there is a token for it.
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
# What was trained is also held against the records that the merge request brings. Against those at BASE they would only
# be shown to be no worse; nothing but a training shows that this code has these numbers. Of configurations other than
# quick none is trained here: those are left to the reviewer.
only=()
own=()
for variant in crates/*/; do
    variant=$(basename "$variant")
    if compgen -G "runs/*/$variant/*/record.json" > /dev/null; then
        only+=(--only "$variant")
        if [ -d "results/$variant" ] && ! diff -r "$base/results/$variant" "results/$variant" > /dev/null 2>&1; then
            own+=(--only "$variant")
        fi
    fi
done
if [ "${#only[@]}" = 0 ]; then
    echo "runs/ holds no record of a paper" >&2
    exit 1
fi
status=0
# Of papers, with records, into a folder: compare BASE OUT --only PAPER...
compare() {
    local records=$1 out=$2
    shift 2
    cargo xtask compare --base "$records" --new runs --out "$out" "$@" || status=$?
    scripts/ci/note.sh "$out/compare.md"
}
compare "$base/results" target/compare "${only[@]}"
if [ "${#own[@]}" != 0 ]; then compare results target/compare/own "${own[@]}"; fi
exit "$status"
