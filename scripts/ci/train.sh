#!/usr/bin/env bash
# Trains the quick configuration of a variant with the seeds its committed records have:
#   scripts/ci/train.sh vae
# SEEDS="1 2" are others. Does nothing if target/changed.txt is there and does not name it.
set -euo pipefail
cd "$(dirname "$0")/../.."
variant=$1
if [ -f target/changed.txt ] && ! grep --quiet --line-regexp --fixed-strings "$variant" target/changed.txt; then
    echo "$variant is not touched: not trained"
    exit
fi
for seed in ${SEEDS:-1 2 3}; do
    cargo run --release --package "$variant" -- train --seed "$seed" --out "runs/seed$seed"
done
