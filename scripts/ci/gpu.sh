#!/usr/bin/env bash
# Every kernel for GPUs, linted and tested, and every program on one: the losses of the processor over twenty steps, the
# shapes that were wrong before, and the same numbers twice. On CUDA also the time of a step beside PyTorch and JAX on
# the same card, into results/gpu-CARD.json. Without a GPU, wgpu runs on Mesa's software driver (Debian:
# mesa-vulkan-drivers).
# Usage: scripts/ci/gpu.sh cuda|wgpu [PAPER]...
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/ci/tested.sh

feature=${1:?cuda or wgpu}
shift
if [ "$feature" = cuda ]; then nvidia-smi; fi
packages=()
for paper in "$@"; do packages+=(--package "$paper"); done
# Three more for the tests of shapes.
if [ $# = 0 ]; then packages=(--workspace); else packages+=(--package vae --package beta-vae --package vae-rnn); fi
cargo clippy --package kernels --features "$feature" --all-targets -- -D warnings
tested --package kernels --features "$feature" --lib -- cube
cargo build "${packages[@]}" --features "shared/$feature"
PAPERS="$*" tested --package end-to-end --features "$feature" --test devices
if [ "$feature" = cuda ]; then
    # All rows are timed, on a machine that need not be the record's: records before are put aside, and back again
    # unless every row is there.
    mkdir -p target
    before=$(mktemp -d target/gpu-before.XXXXXX)
    move() { find "$1" -maxdepth 1 -name 'gpu-*.json' -exec mv -f -t "$2" {} +; }
    trap 'move "$before" results; rm -rf "$before"' EXIT
    move results "$before"
    cargo xtask bench-peers --gpu
    rm -f "$before"/gpu-*.json
fi
