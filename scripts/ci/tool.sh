#!/usr/bin/env bash
# Makes sure that a cargo subcommand is there, for instance: scripts/ci/tool.sh cargo-nextest
set -euo pipefail
command -v "$1" > /dev/null || cargo install --locked "$1"
