#!/bin/bash
#SBATCH --job-name=@NAME@
#SBATCH --output="@FOLDER@/slurm/%A_%a.log"
#SBATCH --open-mode=append
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=@THREADS@
#SBATCH --requeue
#SBATCH --signal=TERM@60
@OPTIONS@
# One run of a sweep: the index in the array is that of the run. `cargo xtask sweep --on slurm` fills in the words
# between @ and submits this; edit a copy and name it with --template. A minute before its time is over a task is told
# to stop: it writes a checkpoint, from which the next submission goes on. Nothing is built or fetched here.
set -eu
cd @WORKING@
export AE_OFFLINE=1
exec srun --ntasks=1 --cpus-per-task=@THREADS@ @TASK@ --index "$SLURM_ARRAY_TASK_ID"
