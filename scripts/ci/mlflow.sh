#!/usr/bin/env bash
# A training that is interrupted and continued beside MLflow's own server, and what the server has of it in the end.
# Usage: scripts/ci/mlflow.sh; skips with a word, but in CI, where the package is missing (pip install -r
# scripts/reference/requirements-mlflow.txt, some 850 MB); PYTHON names the interpreter.
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/ci/skip.sh

python=${PYTHON:-python3}
if ! "$python" -c "import mlflow" 2> /dev/null; then
    skip "mlflow: skipped, no mlflow (pip install -r scripts/reference/requirements-mlflow.txt)"
    exit 0
fi

out=$(mktemp -d)
server=
stop() {
    # The server has workers of its own: the whole group goes.
    [ -z "$server" ] || kill -- "-$server" 2> /dev/null || true
    rm -rf "$out"
}
trap stop EXIT

port=$("$python" -c "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])")
export MLFLOW_TRACKING_URI=http://127.0.0.1:$port NO_PROXY=127.0.0.1
unset MLFLOW_TRACKING_TOKEN MLFLOW_TRACKING_USERNAME MLFLOW_TRACKING_PASSWORD MLFLOW_EXPERIMENT_NAME
# A group of its own.
set -m
"$python" -m mlflow server --host 127.0.0.1 --port "$port" --workers 1 --backend-store-uri "sqlite:///$out/runs.db" \
    --artifacts-destination "$out/artifacts" > "$out/server.log" 2>&1 &
server=$!
set +m
answers() { "$python" -c "import urllib.request as r; r.urlopen('$MLFLOW_TRACKING_URI/health', timeout=1)" 2> /dev/null; }
for _ in $(seq 120); do
    answers && break
    kill -0 "$server" 2> /dev/null || break
    sleep 0.5
done
answers || { echo "mlflow: the server does not answer"; cat "$out/server.log"; exit 1; }

program() { cargo run --quiet --profile "${PROFILE:-dev}" --package vae -- "$@"; }
train=(train --data segments --out "$out" --name tracked --log mlflow --set evaluate.nll_samples=10
    --set evaluate.nll_images=10 --set 'train.schedule={kind="constant",rate=0.001}' --snapshot-epochs 1)
# Ctrl-C after the first epochs, which leaves a run to continue.
cargo build --quiet --profile "${PROFILE:-dev}" --package vae
# `cargo run` becomes the program, so a signal reaches it.
(exec cargo run --quiet --profile "${PROFILE:-dev}" --package vae -- "${train[@]}" --epochs 200) &
training=$!
until [ -s "$out/vae/tracked/metrics.jsonl" ]; do
    kill -0 "$training" || { echo "mlflow: the training ended too soon"; exit 1; }
    sleep 0.1
done
kill -INT "$training"
status=0
wait "$training" || status=$?
[ "$status" = 130 ] || { echo "mlflow: the training ended with $status instead of being interrupted"; exit 1; }
done=$(wc -l < "$out/vae/tracked/metrics.jsonl")
program "${train[@]}" --epochs $((done + 2)) --resume
"$python" scripts/reference/mlflow_check.py "$out/vae/tracked"
