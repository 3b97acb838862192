#!/usr/bin/env bash
# What a presenter does first, with every template: a new crate compiles without a warning, trains, passes
# its laws and the end-to-end tests, stands in the README's table, and leaves nothing behind when removed.
set -euo pipefail
cd "$(dirname "$0")/../.."

templates="vae denoising-ae blank"
crates="" packages=""
scratch=$(mktemp -d)
before=$(git status --porcelain)

step() { printf '\n== %s (after %s s)\n' "$*" "$SECONDS"; }

remove() {
    for crate in $crates; do
        cargo xtask new-paper "$crate" --remove --force
    done
    crates=""
}

trap 'remove; rm -rf "$scratch"' EXIT

step "generate"
for template in $templates; do
    cargo xtask new-paper "trial-$template" --from "$template" --title "A trial" --authors "N. N."
    crates="$crates trial-$template"
    packages="$packages -p trial-$template"
done
cargo fmt --all --check
cargo xtask readme --check

step "build"
# Programs too. What the tests need is built once for all that follows: with other packages, or as cargo run,
# Cargo would choose other features and build shared anew.
# shellcheck disable=SC2086 # Several words are meant.
cargo test --locked --no-run $packages

step "train an epoch on generated images"
for template in $templates; do
    more=()
    if [ "$template" = denoising-ae ]; then more=(--set fine_tuning.epochs=1); fi
    "${CARGO_TARGET_DIR:-target}/debug/trial-$template" train --data segments --epochs 1 --out "$scratch" \
        --set evaluate.nll_samples=20 --set evaluate.nll_images=20 ${more[@]+"${more[@]}"}
    test -s "$scratch/trial-$template/quick/record.json"
done

step "laws"
# shellcheck disable=SC2086
cargo test --locked $packages

step "end-to-end tests, which find the new programs"
cargo test --locked -p end-to-end --test commands

step "lints and documentation"
# shellcheck disable=SC2086
cargo clippy --locked $packages --all-targets -- -D warnings
# shellcheck disable=SC2086
RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps $packages

step "table"
for template in $templates; do
    grep "^| \[\`trial-$template\`\](crates/trial-$template) | N. N., year |" README.md
done

step "remove"
remove
after=$(git status --porcelain)
if [ "$after" != "$before" ]; then
    printf 'left behind:\n%s\n' "$after" >&2
    exit 1
fi
step "done"
