"""What the probe's job does on its node: a shell script, for Python may be what is missing there.

It works as a run's job does: inside srun, as Snakemake's plugin calls it, in the environment that
the plugin leaves. It tells what it sees in small files, each renamed into place.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

NO_WORKPLACE = 70
NO_FOLDER = 71
NOT_WRITABLE = 72
"""Exit codes: the working directory is not on the node, the folder is not, or is read-only."""

STARTED = "started"
STEP = "step"
CUDA = "cuda"
PYTHON = "python"
PROGRAM = "wattbench"
SQUEUE = "squeue"
REPORT = "node.json"
REPORT_ERRORS = "node.err"
READY = "ready"
PING = "ping"
PONG = "pong"
TERM = "term"
SRUN_SAID = "srun.said"
SRUN_CODE = "srun.code"
SCRIPT = "job.sh"
LOCK = "lock"
LOCK_HELD = "held"
LOCK_FREE = "free"

LOOK = f"""import fcntl, sys
print(sys.executable)
try:
    fcntl.flock(open(sys.argv[1], "rb+"), fcntl.LOCK_EX | fcntl.LOCK_NB)
    print("{LOCK_FREE}")
except BlockingIOError:
    print("{LOCK_HELD}")
except OSError as error:
    print(error.strerror)
"""
"""Says which Python it is, and whether the lock that the login node holds is seen."""

TEXT = r"""#!/bin/sh
# Written by `wattbench doctor --slurm`, which removes this folder when it ends.
here={here}
work={work}
tell() {{ printf '%s\n' "$2" > "$here/.$1" && mv "$here/.$1" "$here/$1"; }}

if [ "$1" != step ]; then
  cd "$here" || exit {no_folder}
  tell {started} "$(hostname)" || exit {not_writable}
  cd "$work" || exit {no_workplace}
  # As Snakemake's plugin does before it calls srun.
  for name in $(env | sed -n 's/^\(S[A-Z]*_[A-Za-z0-9_]*\)=.*/\1/p'); do
    case $name in
      SLURM_JOB_ID | SLURM_JOBID | SLURM_CLUSTER_NAME | SLURM_SUBMIT_DIR | SLURM_SUBMIT_HOST) ;;
      SLURM_* | SRUN_* | SBATCH_*) unset "$name" ;;
    esac
  done
  srun {srun} sh "$here/{script}" step > "$here/{srun_said}" 2>&1
  code=$?
  [ -e "$here/{step}" ] && exit 0
  tell {srun_code} "$code"
  exec sh "$here/{script}" step without
fi

trap 'tell {term} TERM; exit 0' TERM
tell {step} "${{2:-srun}}"
tell {cuda} "$CUDA_VISIBLE_DEVICES"
{python} -c {look} "$here/{lock}" > "$here/.{python_file}" 2>&1 \
  && mv "$here/.{python_file}" "$here/{python_file}"
if squeue --noheader --jobs="$SLURM_JOB_ID" --format=%T > "$here/.{squeue}" 2>&1
then mv "$here/.{squeue}" "$here/{squeue}"
fi
found=$(command -v wattbench) && tell {program} "$found"
if [ -n "$found" ]; then
  "$found" {doctor} > "$here/.{report}" 2> "$here/{report_errors}"
  mv "$here/.{report}" "$here/{report}"
fi
tell {ready} ready
# The folder goes when the doctor does.
while [ ! -e "$here/{ping}" ]; do [ -e "$here/{script}" ] || exit 0; sleep 0.1; done
tell {pong} pong
while [ -e "$here/{script}" ]; do sleep 0.1; done
"""


def script(
    here: Path, work: Path, python: str, *, doctor: Sequence[str], srun: Sequence[str]
) -> str:
    """The text of the job's script.

    Args:
        here: The probe's folder, on a file system that login node and compute node share.
        work: The directory that runs work in.
        python: The login node's Python.
        doctor: Arguments of `wattbench` on the node.
        srun: Flags of srun.
    """
    return TEXT.format(
        here=shlex.quote(str(here)),
        work=shlex.quote(str(work)),
        python=shlex.quote(python),
        look=shlex.quote(LOOK),
        lock=LOCK,
        doctor=shlex.join(doctor),
        srun=shlex.join(srun),
        no_folder=NO_FOLDER,
        not_writable=NOT_WRITABLE,
        no_workplace=NO_WORKPLACE,
        started=STARTED,
        step=STEP,
        cuda=CUDA,
        python_file=PYTHON,
        program=PROGRAM,
        squeue=SQUEUE,
        report=REPORT,
        report_errors=REPORT_ERRORS,
        ready=READY,
        ping=PING,
        pong=PONG,
        term=TERM,
        script=SCRIPT,
        srun_said=SRUN_SAID,
        srun_code=SRUN_CODE,
    )
