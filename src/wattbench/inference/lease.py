"""The lease: one process at a time writes a journal.

`lease.json` names the holder and carries its heartbeat; a lock on `lease.lock` decides between
two processes that come at the same moment, on file systems that have locks. A lease whose holder
is dead is taken over: on the same machine the process is looked up; of a job on another machine
the scheduler is asked; where it does not say, the heartbeat must be stale by the file server's
own clock. Who finds a living holder waits for it, and then finds the journal full: a driver that
was killed and started again submits jobs a second time.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import math
import os
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import psutil

from wattbench.errors import FaultError
from wattbench.files import fault_of, write_json
from wattbench.inference.scheduler import NO_SCHEDULER, Scheduler
from wattbench.telemetry.job import SLURM, Job, boot_id

LEASE = "lease.json"
LOCK = "lease.lock"
HEARTBEAT_S = 5.0
STALE_S = 60.0
POLL_S = 0.5
SAY_EVERY_S = 60.0
ASK_EVERY_S = 30.0
"""Seconds between two questions to the scheduler; its controller serves the whole site."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lease.

    Args:
        token: Tells this holder from every other.
        host: Its machine.
        boot: Id of the machine's boot and of the process namespace.
        pid: Its process id.
        started: When that process started, seconds since the epoch by the kernel.
        job_id: Its job, or None.
        scheduler: Who runs that job, or None.
    """

    token: str
    host: str
    boot: str
    pid: int
    started: float
    job_id: str | None
    scheduler: str | None = None

    def __str__(self) -> str:
        """The holder in words."""
        job = f" (job {self.job_id})" if self.job_id else ""
        return f"process {self.pid} on {self.host}{job}"


UNKNOWN = Holder("", "another machine", "", 0, 0.0, None)
"""A holder that cannot be read."""


def process_space() -> str:
    """Id of this boot and process namespace; a process id means something only within it."""
    parts = [boot_id() or ""]
    with contextlib.suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return "/".join(parts)


def this_process(job: Job | None) -> Holder:
    """This process as a holder, working for a job."""
    return Holder(
        token=secrets.token_hex(8),
        host=socket.gethostname(),
        boot=process_space(),
        pid=os.getpid(),
        started=psutil.Process().create_time(),
        job_id=None if job is None else job.job_id,
        scheduler=None if job is None else job.scheduler,
    )


def living_holder(folder: Path) -> Holder | None:
    """Who holds a folder's lease and lives, or None."""
    return Lease(folder).living()


class Lease:
    """Holds the right to write a journal, as a context manager.

    Args:
        folder: The journal's folder.
        job: The job that this process works for, or None.
        scheduler: Asked about a holder's job.
        wait_s: Seconds to wait for a living holder.
        check: Called while it waits; raises to give up.

    Raises:
        FaultError: Another process holds it and lives on, or the folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        *,
        job: Job | None = None,
        scheduler: Scheduler = NO_SCHEDULER,
        wait_s: float = math.inf,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = folder / LEASE
        self._lock_path = folder / LOCK
        self._me = this_process(job)
        self._scheduler = scheduler
        self._told: bool | None = None
        self._told_at = -math.inf
        self._wait_s = wait_s
        self._check = check
        self._lock: int | None = None
        self._beaten = 0.0

    def __enter__(self) -> Self:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise fault_of(error, self._path.parent) from error
        started = time.monotonic()
        said = started - SAY_EVERY_S
        while (holder := self._try()) is not None:
            now = time.monotonic()
            if now - started >= self._wait_s:
                raise FaultError(
                    f"{holder} is working on this run's journal.",
                    where=str(self._path),
                    mend="Let it finish or stop it; what it answers is kept, and a second process "
                    "would pay for it twice.",
                )
            if now - said >= SAY_EVERY_S:
                said = now
                print(  # noqa: T201
                    f"waiting for {holder} to finish; what it answers is not asked again",
                    file=sys.stderr,
                    flush=True,
                )
            self._check()
            time.sleep(POLL_S)
        return self

    def living(self) -> Holder | None:
        """Who else holds the lease and lives, or None."""
        holder = self._read()
        return holder if holder is not None and self._lives(holder) else None

    def _try(self) -> Holder | None:
        """Take the lease; the living holder where there is one."""
        if not self._lock_file():
            return self._read() or UNKNOWN
        try:
            holder = self._read()
            if holder is not None and self._lives(holder):
                self._unlock()
                return holder
            if holder is not None:
                self._drop_stale(holder)
            if not self._create():
                self._unlock()
                return self._read() or UNKNOWN
        except OSError as error:
            self._unlock()
            raise fault_of(error, self._path) from error
        return None

    def _lock_file(self) -> bool:
        """Lock; true where the file system has no locks, for then the lease alone decides."""
        try:
            self._lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT, 0o666)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in {errno.EWOULDBLOCK, errno.EACCES} and self._lock is not None:
                self._unlock()
                return False
            if error.errno not in {errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS}:
                self._unlock()
                raise fault_of(error, self._lock_path) from error
        return True

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _read(self) -> Holder | None:
        try:
            return Holder(**json.loads(self._path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            # A crash between creating and filling it: nobody can be told apart, so its age counts.
            return UNKNOWN

    def _lives(self, holder: Holder) -> bool:
        if holder.host == self._me.host and holder.boot == self._me.boot:
            try:
                return abs(psutil.Process(holder.pid).create_time() - holder.started) < 1.0
            except psutil.NoSuchProcess:
                return False
        # A requeued job has the id of the attempt before it: of that one Slurm says nothing.
        if holder.scheduler == SLURM and holder.job_id and holder.job_id != self._me.job_id:
            told = self._ask(holder.job_id)
            if told is not None:
                return told
        return self._age_s() <= STALE_S

    def _ask(self, job_id: str) -> bool | None:
        now = time.monotonic()
        if now - self._told_at >= ASK_EVERY_S:
            self._told, self._told_at = self._scheduler.alive(job_id), now
        return self._told

    def _age_s(self) -> float:
        """Seconds since the last heartbeat, both times by the clock of the file system."""
        with tempfile.NamedTemporaryFile(dir=self._path.parent, prefix=".clock-") as probe:
            return Path(probe.name).stat().st_mtime - self._path.stat().st_mtime

    def _drop_stale(self, holder: Holder) -> None:
        aside = self._path.with_name(f".{LEASE}.{self._me.token}")
        self._path.rename(aside)
        taken = json.loads(aside.read_text(encoding="utf-8") or "{}")
        if taken.get("token", "") == holder.token:
            aside.unlink()
            return
        # Between reading and renaming another process took over: give its lease back.
        with contextlib.suppress(FileExistsError):
            os.link(aside, self._path)
        aside.unlink()

    def _create(self) -> bool:
        """Create the lease whole, or find that another process was faster."""
        draft = self._path.with_name(f".{LEASE}.{self._me.token}")
        write_json(draft, asdict(self._me))
        try:
            os.link(draft, self._path)
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        self._beaten = time.monotonic()
        return True

    def beat(self) -> None:
        """Renew the heartbeat, when it is due.

        Raises:
            FaultError: Another process took the lease over, or it cannot be renewed.
        """
        now = time.monotonic()
        if now - self._beaten < HEARTBEAT_S:
            return
        holder = self._read()
        if holder is None or holder.token != self._me.token:
            raise FaultError(
                "another process took over this run's journal; this one stops.",
                where=str(self._path),
                mend="Was this process suspended for more than a minute?",
            )
        try:
            os.utime(self._path)
        except OSError as error:
            raise fault_of(error, self._path) from error
        self._beaten = now

    def __exit__(self, *_: object) -> None:
        holder = self._read()
        if holder is not None and holder.token == self._me.token:
            self._path.unlink(missing_ok=True)
        self._unlock()
