#!/usr/bin/env bash
# The pages of `explore` in a real browser: their numbers beside the program's, pointer, keyboard, and no request.
# Usage: scripts/ci/explore.sh [PROGRAM RUN]...; without arguments every image program is trained on generated digits, one on
# coloured images too, and models of sequences on generated tunes, digits, a few lines and drawings.
# Skips with a word, but in CI, where there is no browser, no node or no playwright-core (npm install playwright-core;
# NODE_PATH names the folder it is in). BROWSER names a browser built on Chromium. EXPLORE_OUT keeps pages and pictures.
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/ci/skip.sh

browser=${BROWSER:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
if [ -z "$browser" ]; then skip "explore: skipped, no browser (Debian: apt-get install chromium)"; exit 0; fi
if ! command -v node > /dev/null; then skip "explore: skipped, no node"; exit 0; fi
if ! node -e 'require("playwright-core")' 2> /dev/null; then
    skip "explore: skipped, no playwright-core (npm install playwright-core, and its folder in NODE_PATH)"
    exit 0
fi

out=${EXPLORE_OUT:-$(mktemp -d)}
[ -n "${EXPLORE_OUT:-}" ] || trap 'rm -rf "$out"' EXIT
mkdir -p "$out"
profile=${PROFILE:-dev}
program() { cargo run --quiet --profile "$profile" --package "$@"; }

both=()
if [ $# = 0 ]; then
    both=(
        "vae quick cvae quick" "vae-rnn tunes vae-rnn tunes-lstm" "vae-rnn poem vae-rnn poem-rnn"
        "vae-rnn tunes-sentence vae-rnn tunes" "vae-rnn tunes vae-rnn tunes-sentence"
    )
    mkdir -p "$out/runs"
    # Of two substitutions in one assignment only the last could fail.
    images="$(scripts/ci/tiny-runs.sh "$out/runs")"
    sequences="$(scripts/ci/tiny-sequences.sh "$out/runs")"
    # shellcheck disable=SC2086 # A pair is two words.
    set -- $images $sequences
fi

# A page of a run: PROGRAM RUN NAME [OTHER], beside it OTHER, an earlier page without its ending.
check() {
    local paper=$1 run=$2 page=$out/$1-$3 other=${4:-} check=check.js split=valid
    # The archive of drawings has one for validation, of one step.
    if [ "$paper" = vae-rnn ]; then check=check-steps.js split=all; fi
    rm -f "$page.html" "$page.json"
    program "$paper" explore --run "$run" --split "$split" --to "$page.html" --expected "$page.json" \
        ${other:+--beside "$other.html"}
    node "scripts/ci/explore/$check" "$browser" "$page" ${other:+"$other"}
}
while [ $# -ge 2 ]; do
    check "$1" "$2" "$(basename "$2")"
    shift 2
done
for pair in "${both[@]}"; do
    # shellcheck disable=SC2086 # PROGRAM RUN PROGRAM RUN.
    set -- $pair
    check "$1" "$out/runs/$1/$2" "$2-beside-$3-$4" "$out/$3-$4"
done
