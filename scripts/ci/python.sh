#!/usr/bin/env bash
# The Python package: its tests; every exported model as a torch.nn.Module, beside the program's own numbers; the notebook.
# Usage: scripts/ci/python.sh [PROGRAM RUN]...; without arguments tiny runs on generated digits.
# Skips with a word, but in CI, where a package is missing (pip install -r scripts/reference/requirements-python.txt);
# PYTHON names the interpreter.
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/ci/skip.sh

python=${PYTHON:-python3}
has() {
    "$python" -c "import $1" 2> /dev/null && return
    skip "python: $2 skipped, no ${1%%,*} (pip install -r scripts/reference/requirements-python.txt)"
    return 1
}
export PYTHONPATH=$PWD/python PYTHONDONTWRITEBYTECODE=1
has numpy,safetensors everything || exit 0
# Without torch some are skipped.
"$python" -m unittest discover --start-directory python/tests --top-level-directory python/tests

has torch "exported models" || exit 0
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
program() { cargo run --quiet --profile "${PROFILE:-dev}" --package "$@"; }
if [ $# = 0 ]; then
    pairs=$(scripts/ci/tiny-runs.sh "$out/runs")
    # shellcheck disable=SC2086 # A pair is two words.
    set -- $pairs
fi

vae=
while [ $# -ge 2 ]; do
    paper=$1 run=$2
    shift 2
    if [ "$paper" = vae ]; then vae=${vae:-$run}; fi
    to=$out/$paper-$(basename "$run")
    program "$paper" export --run "$run" --onnx --to "$to"
    program "$paper" explore --run "$run" --to "$to/page.html" --expected "$to/expected.json"
    for ending in csv npz; do
        program "$paper" encode --run "$run" --to "$to/codes.$ending"
    done
    echo "$paper $(basename "$run")"
    "$python" scripts/reference/python_check.py "$run" "$to" "$to/expected.json" "$to/codes"
done

if [ -z "$vae" ]; then skip "python: the notebook skipped, no run of vae among the arguments"; exit 0; fi
has nbclient,ipykernel,matplotlib,pandas "the notebook" || exit 0
# It is written for a run of the VAE.
to=$out/vae-$(basename "$vae")
AE_ROOT=$PWD AE_RUN=$vae AE_CODES=$to/codes.npz AE_EXPORTED=$to \
    "$python" scripts/reference/notebook_run.py python/records-and-codes.ipynb
