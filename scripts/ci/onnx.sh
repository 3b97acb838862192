#!/usr/bin/env bash
# The exported ONNX models of every image paper in onnxruntime, beside the program's own numbers.
# Usage: scripts/ci/onnx.sh [PROGRAM RUN]...; without arguments tiny runs on generated digits.
# Skips with a word where there is no onnxruntime (pip install -r scripts/reference/requirements-onnx.txt).
set -euo pipefail
cd "$(dirname "$0")/../.."

python=${PYTHON:-python3}
if ! "$python" -c 'import onnxruntime' 2> /dev/null; then
    echo "onnx: skipped, no onnxruntime (pip install -r scripts/reference/requirements-onnx.txt)"
    exit 0
fi

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
profile=${PROFILE:-dev}
program() { cargo run --quiet --profile "$profile" --package "$@"; }

if [ $# = 0 ]; then
    mapfile -t pairs < <(scripts/ci/tiny-runs.sh "$out/runs")
    # shellcheck disable=SC2086 # A pair is two words.
    set -- ${pairs[*]}
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
