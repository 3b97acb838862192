#!/usr/bin/env bash
# The second processor backend: its gradients equal those of flex, and a tiny training gives the same bits at any number of threads
# and however often it is interrupted. A default build has one backend only, so these programs are built again.
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo test --package vae --package beta-vae --package vae-rnn --package end-to-end --features ndarray \
    --test laws --test reproducible --test mistakes \
    -- ndarray backends_agree gradients_agree_with_finite_differences a_run_is_not_overwritten
