#!/usr/bin/env bash
# Makes a paper of the template, runs it on generated data and removes it; nothing must be left of it.
set -euo pipefail
cd "$(dirname "$0")/../.."
paper=trial-ae
before=$(git status --porcelain)
out=$(mktemp --directory)
trap 'rm -rf "$out"' EXIT
cargo xtask new-paper "$paper" --from vae
cargo run --package "$paper" -- train --data segments --epochs 1 --out "$out"
cargo xtask new-paper "$paper" --remove
if [ "$(git status --porcelain)" != "$before" ]; then
    echo "left over after cargo xtask new-paper $paper --remove:" >&2
    git status --short >&2
    exit 1
fi
