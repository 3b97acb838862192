#!/usr/bin/env bash
# What other programs read of a run: the exported ONNX models of every image paper in onnxruntime, beside the program's
# own numbers, and the event files of a training that was interrupted and continued, in TensorBoard.
# Usage: scripts/ci/exchange.sh [PROGRAM RUN]...; without arguments tiny runs on generated digits.
# Skips with a word, but in CI, where a package is missing (pip install -r scripts/reference/requirements-exchange.txt);
# PYTHON names the interpreter.
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/ci/skip.sh

python=${PYTHON:-python3}
has() {
    "$python" -c "import $1" 2> /dev/null && return
    skip "exchange: skipped, no $1 (pip install -r scripts/reference/requirements-exchange.txt)"
    return 1
}

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
profile=${PROFILE:-dev}
program() { cargo run --quiet --profile "$profile" --package "$@"; }

if has tensorboard; then
    train=(train --data segments --log tensorboard --set evaluate.nll_samples=10 --set evaluate.nll_images=10)
    program vae "${train[@]}" --out "$out" --name logged --epochs 2 --snapshot-epochs 1
    program vae "${train[@]}" --out "$out" --name logged --epochs 3 --snapshot-epochs 1,3 --resume
    "$python" scripts/reference/tensorboard_check.py "$out/vae/logged" 1 3
fi

has onnxruntime || exit 0
if [ $# = 0 ]; then
    pairs=$(scripts/ci/tiny-runs.sh "$out/runs")
    # shellcheck disable=SC2086 # A pair is two words.
    set -- $pairs
fi

while [ $# -ge 2 ]; do
    paper=$1 run=$2
    shift 2
    to=$out/$paper-$(basename "$run")
    program "$paper" export --run "$run" --onnx --to "$to"
    program "$paper" explore --run "$run" --to "$to/page.html" --expected "$to/expected.json"
    echo "$paper $(basename "$run")"
    "$python" scripts/reference/onnx_check.py "$to" "$to/expected.json"
done
