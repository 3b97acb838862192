#!/usr/bin/env bash
# Trains models of sequences a moment, of every kind and on every kind of step, and prints a line "PROGRAM RUN" for each.
# Usage: scripts/ci/tiny-sequences.sh FOLDER
set -euo pipefail
cd "$(dirname "$0")/../.."

out=$1
train() {
    local name=$1
    shift
    cargo run --quiet --profile "${PROFILE:-dev}" --package vae-rnn -- train --out "$out" --name "$name" --force \
        --epochs 2 --set evaluate.nll_samples=5 --set evaluate.nll_images=5 --set evaluate.probe_labels=[] \
        --latent 3 --set model.hidden=12 --set 'model.features=[8]' "$@" >&2
    echo "vae-rnn $out/vae-rnn/$name"
}
for line in "the wind is low" "the sea is wide" "a ship goes by" "the tide will turn" "no wind tonight" "we wait on shore"; do
    printf '%s\n' "$line" "$line and still" "$line again" "still $line" "and $line" "then $line" "$line now"
done > "$out/poem.txt"
drawings=shared/sequences/src/fixtures/default.npz

train tunes --data tunes --set data.train_examples=60
train tunes-lstm --data tunes --set data.train_examples=60 --set model.cell=lstm --set model.kind=vrnn-i
train rows --data segments --set data.train_examples=300
train poem --config text --data "$out/poem.txt"
train poem-rnn --config names-rnn --data "$out/poem.txt"
train poem-words --config text --data "$out/poem.txt" --set data.text.level=words
train poem-sentence --config names-sentence --data "$out/poem.txt"
train poem-blind --config names-sentence --data "$out/poem.txt" --set model.word_dropout=1
train tunes-sentence --data tunes --set data.train_examples=60 --set model.kind=sentence
train rows-sentence --data segments --set data.train_examples=300 --set model.kind=sentence
pen=(--data "$drawings" --set data.train_examples=1 --set 'model.output={kind="pen",components=3}')
train pen "${pen[@]}"
train pen-sentence "${pen[@]}" --set model.kind=sentence
