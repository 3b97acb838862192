#!/usr/bin/env bash
# What a presenter does first, with every template: a new crate passes all that .ci/run runs, trains, stands in
# the README's table and in the pipeline, and leaves nothing behind when removed.
set -euo pipefail
cd "$(dirname "$0")/../.."

templates="vae denoising-ae blank"
crates=""
scratch=$(mktemp -d)
before=$(git status --porcelain)

step() { printf '\n== %s (after %s s)\n' "$*" "$SECONDS"; }

remove() {
    for crate in $crates; do
        cargo xtask new-paper "$crate" --remove
    done
    crates=""
}

trap 'remove; rm -rf "$scratch"' EXIT

step "generate"
for template in $templates; do
    cargo xtask new-paper "trial-$template" --from "$template" --title "A trial" --authors "N. N."
    crates="$crates trial-$template"
done

step "all that CI runs"
.ci/run
cargo xtask readme --check

step "train an epoch on generated images"
for template in $templates; do
    more=()
    if [ "$template" = denoising-ae ]; then more=(--set fine_tuning.epochs=1); fi
    "${CARGO_TARGET_DIR:-target}/debug/trial-$template" train --data segments --epochs 1 --out "$scratch" \
        --set evaluate.nll_samples=20 --set evaluate.nll_images=20 ${more[@]+"${more[@]}"}
    test -s "$scratch/trial-$template/quick/record.json"
done

step "table and pipeline"
cargo xtask changed --pipeline "$scratch/train.yml"
for template in $templates; do
    grep "VARIANT: .*trial-$template" "$scratch/train.yml"
    grep "^| \[\`trial-$template\`\](crates/trial-$template) | N. N., TODO: year |" README.md
done

step "remove"
remove
after=$(git status --porcelain)
if [ "$after" != "$before" ]; then
    printf 'left behind:\n%s\n' "$after" >&2
    exit 1
fi
step "done"
