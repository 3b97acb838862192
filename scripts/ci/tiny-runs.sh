#!/usr/bin/env bash
# Trains every image paper a moment on generated digits, one of them on coloured images too, and prints a line
# "PROGRAM RUN" for each.
# Usage: scripts/ci/tiny-runs.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/../.."

out=$1
train() {
    local paper=$1 name=$2
    shift 2
    cargo run --quiet --profile "${PROFILE:-dev}" --package "$paper" -- train --data segments --out "$out" \
        --name "$name" --force "$@" >&2
    echo "$paper $out/$paper/$name"
}
# No generated set is coloured: these are bars of red, green or blue on grounds of 120 grey levels, from 0.
mkdir -p "$out"
awk 'BEGIN {
    for (image = 0; image < 120; image++)
        for (at = 0; at < 12 * 12 * 3; at++) {
            row = int(at / 36) - image % 10
            lit = row >= 0 && row < 3 && at % 3 == int(image / 10) % 3
            printf "%d%s", lit ? 255 : image, at < 431 ? "," : "\n"
        }
}' > "$out/colours.csv"

tiny=(--epochs 2 --set evaluate.nll_samples=10 --set evaluate.nll_images=10)
train vae quick "${tiny[@]}"
levels=("${tiny[@]}" --config colour --latent 3 --set 'model.hidden=[16]')
train vae levels "${levels[@]}" --set data.train_examples=2000
train vae colours "${levels[@]}" --data "$out/colours.csv"
train pca quick
train cvae quick "${tiny[@]}"
train cvae quadrants --config quadrants "${tiny[@]}" --set evaluate.prior_samples=10
train denoising-ae quick --epochs 2 --set fine_tuning.epochs=1
train beta-vae quick "${tiny[@]}" --set data.binarise=dynamic --set data.train_examples=2000 \
    --set 'model.channels=[4, 8]'
few=(--epochs 2 --set labels.count=20 --set data.train_examples=2000)
train few-labels m2 --config m2 "${few[@]}" --set 'm2.hidden=[16]' --set m2.latent=3
train few-labels m1-m2 --config m1-m2 "${few[@]}" --set pretraining.epochs=1 --set 'm1.hidden=[16]' \
    --set m1.latent=4 --set 'm2.hidden=[16]' --set m2.latent=3
train few-labels ladder --config ladder "${few[@]}" --set 'network.hidden=[16,8]' --set 'ladder.costs=[10,1,0.1,0.1]'
train few-labels reconstruction --config reconstruction "${few[@]}" --set 'network.hidden=[16,8]'
