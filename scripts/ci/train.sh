#!/usr/bin/env bash
# Trains the quick configuration of a variant with the seeds its committed records have:
#   scripts/ci/train.sh vae
# SEEDS="1 2" are others.
set -euo pipefail
cd "$(dirname "$0")/../.."
variant=$1
seeds=${SEEDS:-1 2 3}
cargo run --release --package "$variant" -- train --seeds "${seeds// /,}"
