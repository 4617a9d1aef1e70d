"""A job that tries the whole way of a run: submitted, waited for, told to stop, accounted for.

Nothing is judged here; `probe_findings` does. Whatever happens the job is gone afterwards, and its
files with it.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import json
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from wattbench.errors import ParseError
from wattbench.files import fault_of
from wattbench.slurm import jobstats
from wattbench.slurm import probe_script as script
from wattbench.slurm.calls import Reply, call
from wattbench.slurm.interruption import interruptible
from wattbench.slurm.probe_evidence import Evidence, exit_code
from wattbench.slurm.scontrol import parse_show_job
from wattbench.slurm.site import Request
from wattbench.slurm.sources import NOT_OVER

WALLTIME_MIN = 1
MEMORY_MIB = 2000
TIMEOUT_S = 600.0
CLIENT_TIMEOUT_S = 30.0
ASK_EVERY_S = 2.0
LOOK_EVERY_S = 0.1
SAY_EVERY_S = 15.0
ACCOUNTING_S = 30.0
"""How long accounting is waited for; sites flush it every few seconds."""

AWAY_S = 5.0
"""How long accounting that does not answer is."""

REFUSED_AFTER_S = 10.0
"""A reason to wait that nothing but the user can mend is believed after this long."""

REMOVALS = 5
COMMENT = "wattbench_doctor"
NEVER = frozenset(
    {
        "AccountNotAllowed", "BadConstraints", "InvalidAccount", "InvalidQOS", "JobHeldAdmin",
        "JobHeldUser", "PartitionConfig", "PartitionDown", "PartitionInactive",
        "PartitionNodeLimit", "PartitionTimeLimit", "QOSNotAllowed", "QOSTimeLimit",
    }
)  # fmt: skip
"""Reasons to wait that do not pass by themselves."""


def tell(text: str) -> None:
    """Say how it goes."""
    print(f"doctor: {text}", file=sys.stderr, flush=True)  # noqa: T201


def probe(
    request: Request,
    results: Path,
    *,
    timeout_s: float = TIMEOUT_S,
    latency_wait_s: float = 60.0,
    doctor: Sequence[str] = (),
    say: Callable[[str], None] = tell,
) -> Evidence:
    """Submit the job, see what becomes of it, and clean up.

    Args:
        request: What the job asks for.
        results: The results folder; the job's files lie in a folder of their own in it.
        timeout_s: Longest wait for the job's end, in the queue and running.
        latency_wait_s: Longest wait for a file of a job that ended.
        doctor: Further arguments of `wattbench doctor --json --quick` on the node.
        say: Told how it goes.

    Raises:
        FaultError: The results folder cannot be written.
    """
    made = [folder for folder in (results, *results.parents) if not folder.exists()]
    name = f"wattbench-doctor-{secrets.token_hex(4)}"
    here: Path | None = None
    with interruptible() as check:
        work = _Work(request, name, time.monotonic() + timeout_s, latency_wait_s, say, check=check)
        try:
            try:
                results.mkdir(parents=True, exist_ok=True)
                here = Path(tempfile.mkdtemp(prefix=".doctor-", dir=results)).resolve()
            except OSError as error:
                raise fault_of(error, results) from error
            work.run(here, doctor)
        finally:
            work.cancel()
            if here is not None:
                _remove(here, say)
            for folder in made:
                with contextlib.suppress(OSError):
                    folder.rmdir()
    return work.seen


def _remove(folder: Path, say: Callable[[str], None]) -> None:
    # A node that still holds a file of it open, or writes one, keeps it for a moment.
    for _ in range(REMOVALS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(LOOK_EVERY_S * REMOVALS)
    say(f"{folder} could not be removed; it may be deleted")


class _Work:
    """One probe: the job, its folder, and what was seen."""

    def __init__(
        self,
        request: Request,
        name: str,
        deadline: float,
        latency_wait_s: float,
        say: Callable[[str], None],
        *,
        check: Callable[[], None],
    ) -> None:
        self._check = check
        self.seen = Evidence(request)
        self._name = name
        self._deadline = deadline
        self._latency_wait_s = latency_wait_s
        self._say = say
        self._here = Path()
        self._submitted = 0.0
        self._submitting = False
        self._over = False
        self._asked = -ASK_EVERY_S
        self._said = (0.0, "")
        self._never_since: float | None = None

    # --- the way of the job ----------------------------------------------------------------

    def run(self, here: Path, doctor: Sequence[str]) -> None:
        self._here = here
        seen = self.seen
        gpus = seen.request.gpus
        step_gpus = [f"--gpus={gpus}"] if gpus and seen.request.gpu_syntax == "gpu" else []
        text = script.script(
            here,
            Path.cwd(),
            sys.executable,
            doctor=["doctor", "--json", "--quick", *doctor],
            srun=["-n1", "--cpu-bind=q", "--cpus-per-task=1", *step_gpus, "--nodes=1"],
        )
        (here / script.SCRIPT).write_text(text, encoding="utf-8")
        with (here / script.LOCK).open("wb") as lock:
            # What cannot be locked here is the node's to tell: it finds it free, or its own error.
            with contextlib.suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._submit()
            if seen.job_id is None:
                return
            self._follow()
        self._collect()

    def _follow(self) -> None:
        seen = self.seen
        if self._await(script.STARTED):
            seen.visible = True
            seen.seen_after_s = time.monotonic() - self._submitted
            self._read_comment()
        if seen.visible and self._await(script.READY):
            self._round_trip()
            self._sigterm()
        self._await_end()
        if self._over:
            self._await_files()
            self._after(time.monotonic())

    def _submit(self) -> None:
        seen = self.seen
        gpu_job = seen.request.gpus > 0
        seen.command = [
            "sbatch",
            "--parsable",
            f"--job-name={self._name}",
            f"--comment={COMMENT}",
            "--output=/dev/null",
            "--export=ALL",
            f"--time={WALLTIME_MIN}",
            f"--mem={MEMORY_MIB}",
            "--no-requeue",
            # As the plugin does: some sites refuse a number of tasks beside GPUs.
            *([] if gpu_job else ["--ntasks=1"]),
            "--cpus-per-task=1",
            *seen.request.options(),
        ]
        self._say(f"submitting: {' '.join(seen.command)}")
        self._submitting = True
        reply = call([*seen.command, str(self._here / script.SCRIPT)], timeout_s=CLIENT_TIMEOUT_S)
        lines = reply.text.split()
        job, _, cluster = (lines[-1] if lines else "").partition(";")
        if reply.reason is not None or not job.isdigit():
            seen.refusal = reply.reason or f"sbatch printed no job id: '{reply.text[:100].strip()}'"
            # Without an answer the job may be there all the same.
            self._submitting = "did not answer" in seen.refusal
            return
        self._submitted = time.monotonic()
        seen.job_id, seen.cluster = job, cluster or None

    def _client(self, name: str, *arguments: str, timeout_s: float = CLIENT_TIMEOUT_S) -> Reply:
        where = [f"--clusters={self.seen.cluster}"] if self.seen.cluster else []
        return call([name, *where, *arguments], timeout_s=timeout_s)

    # --- waiting -----------------------------------------------------------------------------

    def _await(self, name: str) -> bool:
        """Wait for a file of the node; False where the job ended or patience did first."""
        while not (self._here / name).exists():
            if self._over or self._gave_up():
                return False
            self._ask()
            time.sleep(LOOK_EVERY_S)
        return True

    def _await_end(self) -> None:
        while not self._over and not self._gave_up():
            self._ask()
            time.sleep(LOOK_EVERY_S)

    def _await_files(self) -> None:
        """A job that ended has written its files; they may be late."""
        seen = self.seen
        ran = seen.last is not None and seen.last.nodes is not None
        expected = ran and not self._failed_to_write()
        started = time.monotonic()
        while not (self._here / script.STARTED).exists():
            seen.waited_for_files_s = time.monotonic() - started
            if not expected or seen.waited_for_files_s >= self._latency_wait_s:
                return
            self._check()
            self._say_now_and_then("the job ended; its files are not seen here yet")
            time.sleep(LOOK_EVERY_S)
        seen.visible = True

    def _failed_to_write(self) -> bool:
        return exit_code(self.seen.last) in {script.NO_FOLDER, script.NOT_WRITABLE}

    def _gave_up(self) -> bool:
        seen = self.seen
        now = time.monotonic()
        never = seen.state == "PENDING" and seen.last is not None and seen.last.reason in NEVER
        if not never:
            self._never_since = None
        elif self._never_since is None:
            self._never_since = now
        elif now - self._never_since >= REFUSED_AFTER_S:
            seen.gave_up = "this does not pass by itself"
        if now >= self._deadline:
            seen.gave_up = f"not over {now - self._submitted:.0f} s after submission"
        return seen.gave_up is not None

    def _ask(self) -> None:
        """Ask the controller, now and then, how the job stands."""
        self._check()
        if time.monotonic() - self._asked < ASK_EVERY_S:
            return
        seen = self.seen
        reply = self._client("scontrol", "show", "job", str(seen.job_id))
        self._asked = time.monotonic()
        seen.controller_reason = reply.reason
        if reply.reason is not None:
            self._over = "invalid job id" in reply.reason.lower()
            if not self._over:
                self._say_now_and_then(reply.reason)
            return
        try:
            (seen.last, *_) = parse_show_job(reply.text)
        except (ParseError, ValueError) as error:
            seen.controller_reason = f"scontrol's answer cannot be read: {error}"
            return
        job = seen.last
        if job.submitted_at and job.started_at and job.state != "PENDING":
            seen.queued_s = (job.started_at - job.submitted_at).total_seconds()
        self._over = job.state not in NOT_OVER
        why = f" ({job.reason})" if job.reason else ""
        on = f" on {job.nodes}" if job.nodes else ""
        self._say_now_and_then(f"job {seen.job_id} {job.state}{why}{on}")

    def _say_now_and_then(self, text: str) -> None:
        at, said = self._said
        now = time.monotonic()
        if text != said or now - at >= SAY_EVERY_S:
            self._said = (now, text)
            self._say(f"{text}, {now - self._submitted:.0f} s after submission")

    # --- what is tried -------------------------------------------------------------------------

    def _read_comment(self) -> None:
        reply = self._client("squeue", "--noheader", f"--jobs={self.seen.job_id}", "--format=%k")
        self.seen.comment = reply.text.strip() or None

    def _round_trip(self) -> None:
        started = time.monotonic()
        (self._here / script.PING).write_text("ping\n")
        if self._await(script.PONG):
            self.seen.round_trip_s = time.monotonic() - started

    def _sigterm(self) -> None:
        by_srun = self._read(script.STEP) == "srun"
        # A limit's signal goes to the steps; without one only the shell of the job is there.
        whom = [] if by_srun else ["--batch"]
        started = time.monotonic()
        reply = self._client("scancel", "--signal=TERM", *whom, str(self.seen.job_id))
        self.seen.sigterm_reason = reply.reason
        if reply.reason is None and self._await(script.TERM):
            self.seen.sigterm_s = time.monotonic() - started

    def _after(self, ended: float) -> None:
        """What accounting says once the job is over."""
        seen = self.seen
        self._say("the job is over; waiting for accounting")
        while True:
            self._check()
            reply = self._client(
                "sacct", "-X", "-n", "-P", f"--jobs={seen.job_id}", "--format=State"
            )
            words = reply.text.split()
            waited = time.monotonic() - ended
            if reply.reason is None and words and words[0] not in NOT_OVER:
                seen.accounting, seen.accounting_s = words[0], waited
                seen.accounting_reason = None
                break
            late = f"sacct does not know the job's end {waited:.0f} s after it"
            seen.accounting_reason = reply.reason or late
            patience_s = ACCOUNTING_S if reply.reason is None else AWAY_S
            if reply.for_good or waited >= patience_s:
                break
            time.sleep(1.0)
        seen.seff = call(["seff", str(seen.job_id)], timeout_s=CLIENT_TIMEOUT_S)
        if jobstats.check_jobstats_available():
            seen.jobstats = jobstats.ask_jobstats(str(seen.job_id))
        seen.min_job_age_s = _min_job_age(self._client("scontrol", "show", "config"))

    def _read(self, name: str) -> str | None:
        try:
            text = (self._here / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        return text.strip()

    def _collect(self) -> None:
        names = (
            script.STARTED, script.STEP, script.CUDA, script.PYTHON, script.PROGRAM, script.SQUEUE,
            script.REPORT_ERRORS, script.READY, script.TERM, script.SRUN_SAID, script.SRUN_CODE,
        )  # fmt: skip
        found = {name: self._read(name) for name in names}
        self.seen.facts = {name: text for name, text in found.items() if text is not None}
        with contextlib.suppress(ValueError):
            report = json.loads(self._read(script.REPORT) or "null")
            self.seen.report = report if isinstance(report, dict) else None

    def cancel(self) -> None:
        """End the job, if there is one; by its name where its id never came back."""
        if not self._submitting or self._over:
            return
        if self.seen.job_id is not None:
            whom = [self.seen.job_id]
        else:
            whom = [f"--name={self._name}", f"--user={getpass.getuser()}"]
        reply = self._client("scancel", *whom)
        if reply.reason is None:
            self._say(f"the job {self.seen.job_id or self._name} was cancelled")
        else:
            self._say(f"the job {' '.join(whom)} could not be cancelled: {reply.reason}")


def _min_job_age(reply: Reply) -> float | None:
    for line in reply.text.splitlines():
        key, _, value = (part.strip() for part in line.partition("="))
        if key == "MinJobAge" and value.split():
            number = value.split()[0]
            return float(number) if number.isdigit() else None
    return None
