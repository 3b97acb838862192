#!/usr/bin/env bash
# The second processor backend: its gradients equal those of flex, and a tiny training gives the same bits at any number of threads
# and however often it is interrupted. A default build has one backend only, so these programs are built again.
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/ci/tested.sh
# Papers whose laws ask for it.
packages=(--package end-to-end)
for laws in $(grep --files-with-matches 'feature = "ndarray"' crates/*/tests/laws.rs); do
    paper=${laws#crates/}
    packages+=(--package "${paper%%/*}")
done
tested "${packages[@]}" --features ndarray \
    --test laws --test reproducible --test mistakes \
    -- ndarray backends_agree gradients_agree_with_finite_differences a_run_is_not_overwritten
