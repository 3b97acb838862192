#!/usr/bin/env bash
# `cargo xtask sweep --on slurm` on a real Slurm: a controller and two nodes on this machine, and an array of six tiny
# trainings. One task is killed and one node drained; the sweep is called again and must end with the bits of a sweep
# without Slurm. Run by hand or nightly, as root.
# Installs nothing: skips with a word, but in CI, where Slurm is missing. SLURM_OUT keeps its logs and the runs.
set -euo pipefail
cd "$(dirname "$0")/../.."
source scripts/ci/skip.sh

for program in munged slurmctld slurmd sbatch squeue scontrol pgrep; do
    if ! command -v "$program" > /dev/null; then
        skip "slurm: skipped, no $program (Debian: apt-get install --no-install-recommends slurm-wlm munge procps)"
        exit 0
    fi
done
if [ "$(id -u)" != 0 ]; then skip "slurm: skipped, not root: munged and slurmd are started here"; exit 0; fi

step() { printf '\n== %s (after %s s)\n' "$*" "$SECONDS"; }
fail() { echo "slurm: $*" >&2; exit 1; }
# Waits up to $1 seconds for a command to succeed.
await() {
    local seconds=$1
    shift
    for ((i = 0; i < seconds * 5; i++)); do
        if "$@" > /dev/null 2>&1; then return; fi
        sleep 0.2
    done
    fail "in vain for $seconds s: $*"
}

work=${SLURM_OUT:-$(mktemp -d)}
mkdir -p "$work/state"
work=$(cd "$work" && pwd)
chmod 755 "$work"
pids=()
stop() {
    local status=$?
    # Tasks outlive the daemons.
    if [ -n "${SLURM_CONF:-}" ]; then
        squeue --noheader --format=%A | xargs --no-run-if-empty scancel || true
        for ((i = 0; i < 50; i++)); do [ -n "$(squeue --noheader)" ] || break; sleep 0.2; done
    fi
    for pid in "${pids[@]}"; do kill "$pid" 2> /dev/null || true; done
    wait
    [ -n "${SLURM_OUT:-}" ] || rm -rf "$work"
    exit "$status"
}
trap stop EXIT

step "build"
cargo build --quiet --package xtask --package vae
programs=$(cd "${CARGO_TARGET_DIR:-target}/debug" && pwd)

step "Slurm on this machine"
host=$(hostname -s)
install -d -o munge -g munge -m 755 "$work/munge"
head -c 1024 /dev/urandom > "$work/munge/key"
chown munge: "$work/munge/key" && chmod 400 "$work/munge/key"
of() { echo "$work/munge/$1"; }
runuser -u munge -- munged --foreground --key-file "$(of key)" --socket "$(of socket)" --pid-file "$(of pid)" \
    --log-file "$(of log)" --seed-file "$(of seed)" 2> /dev/null &
pids+=($!)
await 20 test -S "$work/munge/socket"
cat > "$work/slurm.conf" << END
ClusterName=loopback
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthInfo=socket=$work/munge/socket
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SlurmctldPort=16817
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool-%n
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd-%n.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd-%n.log
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=16818 CPUs=1
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=16819 CPUs=1
PartitionName=day Nodes=ALL Default=YES
END
export SLURM_CONF=$work/slurm.conf
slurmctld -D -f "$SLURM_CONF" 2> /dev/null &
pids+=($!)
for node in n1 n2; do
    mkdir -p "$work/spool-$node"
    slurmd -D -N "$node" -f "$SLURM_CONF" 2> /dev/null &
    pids+=($!)
done
both_idle() { [ "$(sinfo --noheader --Node --states=idle --format=%N | wc -l)" = 2 ]; }
await 60 both_idle
sinfo

cat > "$work/six.toml" << 'END'
paper = "vae"
seeds = [1, 2, 3]
options = ["--data", "segments", "--epochs", "40", "--set", "model.hidden=[32]", "--set", "evaluate.nll_samples=20",
    "--set", "evaluate.nll_images=20", "--set", "evaluate.probe_labels=[10]"]
[grid]
model.latent = [2, 3]
END
sweep() {
    AE_OFFLINE=1 "$programs/xtask" sweep "$work/six.toml" --programs "$programs" --threads 1 "$@"
}

step "the same without Slurm"
sweep --out "$work/local" --jobs 2

step "an array of six"
there="$work/with a blank"
sweep --out "$there" --on slurm --partition day --time 30
job=$(tail -n 1 "$there/six/slurm/jobs")
first=$there/six/seed1/vae/quick-latent-2
begun() { compgen -G "$first/checkpoints/*" && [ ! -e "$first/record.json" ]; }
await 60 begun
squeue --array

step "a task is killed, a node drained"
# By its processes: scancel would ask it to stop first, and it would.
kill -KILL $(pgrep -f "^$there/six/bin/xtask .* --index 0$") \
    $(pgrep -f "^$there/six/bin/vae .* --name quick-latent-2 --out $there/six/seed1")
scontrol update nodename=n2 state=drain reason=test
is_gone() { ! squeue --noheader --array --format=%K --job "$job" | grep -qx "$1"; }
await 60 is_gone 0
[ ! -e "$first/record.json" ] || fail "the task was done before it was killed"
said=$(sweep --out "$there" --on slurm --partition day 2>&1)
echo "$said"
grep -q "queued or running" <<< "$said" || fail "what is queued was not seen"
grep -q "submitted 1 run " <<< "$said" || fail "the killed run alone should be submitted"

step "another is told that its time is over"
second=$there/six/logs/seed1-quick-latent-3.log
if squeue --noheader --array --format=%K --job "$job" | grep -qx 1; then
    # It fails if the task is done by then.
    scancel --signal=TERM "${job}_1" || true
    await 60 is_gone 1
    grep "stopped; continue with" "$second" || [ -e "$there/six/seed1/vae/quick-latent-3/record.json" ]
fi

step "the end"
is_empty() { [ -z "$(squeue --noheader)" ]; }
await 600 is_empty
sinfo --noheader --Node --format='%N %T' | grep "n2 drained"
sweep --out "$there" --on slurm
await 600 is_empty
sweep --out "$there" --on slurm > "$work/last"
grep "6 runs: 6 finished" "$work/last"
test -s "$there/six/table.csv" && test -s "$there/six/picture.png"
test -s "$there/six/slurm/${job}_5.log"
for run in "$work"/local/six/seed*/vae/*/; do
    same=$there/${run#"$work/local/"}
    cmp "$run/weights.safetensors" "$same/weights.safetensors"
    # All but the machine, which comes last.
    cmp <(sed '/"machine"/,$d' "$run/record.json") <(sed '/"machine"/,$d' "$same/record.json")
done
grep -l -- "--resume" "$there"/six/logs/*.log
echo "slurm: six runs, the same bits as without Slurm"
