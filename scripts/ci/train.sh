#!/usr/bin/env bash
# Trains the quick configuration of a variant with the seeds its committed records have:
#   scripts/ci/train.sh vae
# SEEDS="1 2" are others.
set -euo pipefail
cd "$(dirname "$0")/../.."
variant=$1
for seed in ${SEEDS:-1 2 3}; do
    cargo run --release --package "$variant" -- train --seed "$seed" --out "runs/seed$seed"
done
