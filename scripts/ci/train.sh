#!/usr/bin/env bash
# Trains the quick configuration of a variant with the seeds its committed records have, or 1, 2 and 3:
#   scripts/ci/train.sh vae
# SEEDS="1 2" are others.
set -euo pipefail
cd "$(dirname "$0")/../.."
variant=$1
records=$(find "results/$variant" -name 'quick-seed*.json' 2> /dev/null | sed 's/.*-seed\([0-9]*\)\.json/\1/' | sort -n | xargs || true)
seeds=${SEEDS:-${records:-1 2 3}}
cargo run --release --package "$variant" -- train --seeds "${seeds// /,}"
