#!/usr/bin/env bash
# Every test with coverage: target/coverage.xml in Cobertura's format, and a total for the job.
set -euo pipefail
cd "$(dirname "$0")/../.."
scripts/ci/tool.sh cargo-nextest
scripts/ci/tool.sh cargo-llvm-cov
rustup component add llvm-tools
cargo llvm-cov nextest --workspace --profile ci --no-report
cargo llvm-cov report --cobertura --output-path target/coverage.xml
cargo llvm-cov report --summary-only
