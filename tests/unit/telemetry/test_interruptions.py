"""200 random ways to be interrupted, in virtual time: no answer and no joule is lost unsaid.

The journal, the ledger and the samples are written by the real writers; the clocks and the GPU's
counter are scripted.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from benchmarks.energy_sensors import Power
from tests.nvml.virtual import PlainClock, VirtualSegment, a_job

from wattbench.inference.journal import ANSWERED, ANSWERS, open_answers, outcomes
from wattbench.records import Appender, encode
from wattbench.study.judgement import Energy
from wattbench.study.layout import LEDGER
from wattbench.telemetry.energy import RunEnergy, run_energy
from wattbench.telemetry.ledger import Names, mend_ledger, segment_rows, starts
from wattbench.telemetry.meters import Device, Meter, Reading
from wattbench.telemetry.segment import BASELINE_S

QUESTIONS = 25
EXACT = Energy(calibration_relative_uncertainty=0)
IDLE_W, MOST_W = 50.0, 300.0
REPLY = '{"explanation": "so", "answer_value": 1, "ref_id": ["doc"]}'


class ScriptedGpu(Meter):
    """A counter that is updated every 100 ms; `offset` is where this node's clock began."""

    def __init__(self, power: Power, clock: PlainClock, origin: float) -> None:
        self._power, self._clock, self._origin = power, clock, origin

    def devices(self) -> list[Device]:
        return [Device("GPU-1", "gpu", "device", "counter", name="A100", period_s=0.1)]

    def read(self, *, whole: bool = True) -> list[Reading]:
        updated = np.floor((self._clock.now + self._origin) * 10) / 10
        return [Reading("GPU-1", energy_j=float(np.floor(self._power.energy(updated) * 1e3) / 1e3))]


def power_of(rng: random.Random) -> Power:
    edges = np.concatenate(([0.0], np.cumsum([rng.uniform(0.1, 2.0) for _ in range(1500)])))
    watts = [IDLE_W if n % 2 else rng.uniform(150, MOST_W) for n in range(1500)]
    return Power(np.repeat(edges, 2)[1:-1], np.repeat(watts, 2))


class Interrupted:
    """A run that works through its questions and is interrupted at random.

    Its truth has a clock of its own, `now`; a node's monotonic clock began `origin` later.
    """

    def __init__(self, folder: Path, rng: random.Random) -> None:
        self.folder, self.rng, self.power = folder, rng, power_of(rng)
        self.truth_j, self.kills, self.steps, self.asked = 0.0, 0, 0, 0
        self.now, self.wall_ahead = 5.0, 1.7e9
        self.origins = {"node1": -rng.uniform(0, 4), "node2": -rng.uniform(0, 4)}
        self.attempt, self.host = 1, "node1"

    @property
    def origin(self) -> float:
        """When this node's monotonic clock began."""
        return self.origins[self.host]

    def live(self) -> None:
        """Until every question is answered."""
        ways = [self.rng.choice(["kill", "term", "requeue"]) for _ in range(self.rng.randint(0, 5))]
        while missing := self.missing():
            self.segment(missing, ways.pop() if ways else None)

    def missing(self) -> list[str]:
        """What a start of the stage finds unanswered, after mending."""
        records, _ = open_answers(self.folder)
        mend_ledger(self.folder)
        done = {key for key, outcome in outcomes(records).items() if outcome.done}
        return [f"q{n}" for n in range(QUESTIONS) if f"q{n}" not in done]

    def segment(self, missing: list[str], how: str | None) -> None:
        """One segment, ended in that way some time or other."""
        rng = self.rng
        length = rng.choice([rng.uniform(0, 3), rng.uniform(0, 25)]) if how else np.inf
        self.until, self.how, began = self.now + length, how, self.now
        self.clock = PlainClock(self.now - self.origin, self.wall_ahead + self.origin)
        unseen = how != "term" and length < 2 and rng.random() < 0.3
        self.own = VirtualSegment(
            self.folder,
            len(starts(self.folder)) + 1,
            self.clock,
            None if unseen else [ScriptedGpu(self.power, self.clock, self.origin)],
            job=replace(a_job(host=self.host), attempt=self.attempt),
            seed=rng.getrandbits(30),
        )
        if self.work(missing):
            self.own.end("signal" if how == "term" else "finished")
        else:
            self.kills += 1
            self.own.kill(torn=b'{"crc32":"00' if rng.random() < 0.3 else b"")
        self.now = self.clock.now + self.origin
        self.truth_j += self.power.between(began, self.now)
        self.now += rng.uniform(0.5, 40)
        if how == "requeue":
            self.attempt += 1
            self.host = rng.choice(["node1", "node2"])

    def work(self, missing: list[str]) -> bool:
        """Rest, load, ask; False where a kill came meanwhile."""
        if not self.spend(BASELINE_S):
            return False
        self.own.phase("load")
        if not self.spend(self.rng.uniform(0.05, 3)):
            return False
        self.own.phase("answer")
        with Appender(self.folder / ANSWERS) as journal:
            for key in missing:
                alive = self.spend(self.rng.uniform(0.1, 2.5))
                self.asked += 1
                record = {
                    "kind": ANSWERED, "key": key, "reply": REPLY, "total_s": 1.0,
                    "at": self.clock.wall(), "segment": "run",
                }  # fmt: skip
                if not alive:
                    if self.rng.random() < 0.3:
                        with (self.folder / ANSWERS).open("ab") as file:
                            file.write(encode(record)[: self.rng.randint(1, 80)])
                    return False
                journal.append(record)
                self.own.writer.answered += 1
                if self.how == "term" and self.clock.now + self.origin >= self.until:
                    break
        return True

    def spend(self, seconds: float) -> bool:
        """Live on, the wall clock set by an hour now and then; False where a kill comes."""
        if self.rng.random() < 0.03:
            step = self.rng.choice([-3600, 3600])
            self.wall_ahead += step
            self.clock.wall_ahead += step
            self.steps += 1
        at = self.clock.now + self.origin
        killed = self.how in {"kill", "requeue"} and at + seconds >= self.until
        self.own.run(max(0.0, self.until - at) if killed else seconds)
        return not killed


def flagged_s(energy: RunEnergy) -> float:
    """Seconds that the flags say are not measured."""
    texts = [f["detail"] for f in energy.flags if f["kind"] == "warning" and "up to" in f["detail"]]
    return sum(float(text.split("up to ")[1].split(" s")[0]) for text in texts)


def test_two_hundred_random_interruptions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # No power is cut here, and the disk would take most of the time.
    monkeypatch.setattr(os, "fsync", lambda _: None)
    kills = steps = covered = 0
    for number in range(200):
        rng = random.Random(number)
        folder = tmp_path / f"run-{number}"
        folder.mkdir()
        run = Interrupted(folder, rng)
        run.live()
        kills, steps = kills + run.kills, steps + run.steps
        records, notes = open_answers(folder)
        assert notes == []
        assert Counter(record["key"] for record in records) == Counter(
            f"q{n}" for n in range(QUESTIONS)
        )
        assert run.asked <= QUESTIONS + run.kills
        rows = segment_rows(folder, Names("hpc", "set", "run"))
        assert sum(row["answered"] for row in rows) <= QUESTIONS
        assert all(row["ended_at"] >= row["started_at"] for row in rows)
        energy = run_energy(rows, EXACT)
        assert energy.gross_j is not None, energy.flags
        assert energy.gross_uncertainty_j is not None
        joules = [d["energy_j"] for r in rows for p in r["phases"] for d in p["devices"]]
        assert all(joule is None or joule > 0 for joule in joules)
        off = run.truth_j - energy.gross_j
        seconds = flagged_s(energy)
        assert (seconds > 0) == (run.kills > 0)
        within = abs(off) <= 0.01 * run.truth_j
        assert within or (seconds > 0 and -0.01 * run.truth_j <= off <= seconds * MOST_W), number
        covered += abs(off) <= 2 * energy.gross_uncertainty_j
        if run.kills == 0:
            assert within, (number, off, run.truth_j)
    assert kills > 150
    assert steps > 50
    assert covered >= 190


def test_a_ledger_cut_at_any_byte_still_bounds_the_energy(tmp_path: Path) -> None:
    rng = random.Random(1)
    clock = PlainClock(10.0)
    power = power_of(rng)
    segment = VirtualSegment(tmp_path, 1, clock, [ScriptedGpu(power, clock, 0.0)])
    segment.run(2)
    segment.phase("answer")
    segment.run(6)
    segment.kill()
    data = (tmp_path / LEDGER).read_bytes()
    first = data.index(b"\n") + 1
    truth = power.between(10.0, clock.now)
    for length in range(first, len(data), 97):
        (tmp_path / LEDGER).write_bytes(data[:length])
        (row,) = segment_rows(tmp_path, Names("hpc", "set", "run"))
        energy = run_energy([row], EXACT)
        # The sampler's file outlives the ledger's tail.
        assert energy.gross_j == pytest.approx(truth, rel=0.05)
