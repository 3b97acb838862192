#!/usr/bin/env bash
# Trains a VAE for two epochs on the GPU.
set -euo pipefail
cd "$(dirname "$0")/../.."
nvidia-smi
cargo run --release --package vae --features cuda -- train --device cuda --epochs 2 --out runs/gpu
