"""A small study run by the real Snakemake over the recorded backend."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
SNAKEMAKE = Path(sys.executable).parent / "snakemake"

DOCUMENTS = {
    "alpha.md": "# Alpha\n\nThe Alpha cluster drew 21 MW at full load in 2022.\n\n"
    "The Alpha cluster has a power usage effectiveness of 1.1.\n",
    "beta.txt": "Training the Beta model used 433 MWh of electricity.\n\n"
    "The Beta model emitted 25 tonnes of CO2e.\n",
    "gamma.html": "<html><body><h1>Gamma</h1>"
    "<p>The Gamma study measured 50 prompts.</p></body></html>",
}
COLUMNS = "id,question,answer,answer_value,answer_unit,ref_id,Quote,Table,Figure,Math,is_NA"
QUESTIONS = [
    "q1,How much power did Alpha draw in MW?,21 MW,21,MW,['alpha'],1,0,0,0,0",
    "q2,How much electricity did training Beta use in MWh?,433 MWh,433,MWh,['beta'],1,0,0,0,0",
    "q3,How many prompts did Gamma measure?,50,50,is_blank,['gamma'],1,0,0,0,0",
    "q4,Who paid for the Delta study?,is_blank,is_blank,is_blank,is_blank,0,0,0,0,1",
]
GOLD = {"q1": "21", "q2": "433", "q3": "50", "q4": "is_blank", "q5": "25"}
REFS = {"q1": ["alpha"], "q2": ["beta"], "q3": ["gamma"], "q4": [], "q5": ["beta"]}


def recording(right: set[str]) -> str:
    """Replies of a recorded model that gets the questions of `right` right."""
    lines = []
    for question, gold in GOLD.items():
        value = gold if question in right else "7"
        reply = {
            "explanation": "as the text says",
            "answer_value": value,
            "ref_id": REFS[question] if question in right else ["alpha"],
        }
        lines.append(
            json.dumps(
                {
                    "question_id": question,
                    "reply": json.dumps(reply),
                    "prompt_tokens": 200,
                    "completion_tokens": 20,
                    "prefill_s": 0.01,
                    "decode_s": 0.02,
                }
            )
        )
    return "\n".join(lines) + "\n"


def study_of(folder: Path) -> dict[str, Any]:
    """The study's settings; two recorded models and an ensemble."""

    def model(name: str) -> dict[str, Any]:
        return {
            "backend": "recorded",
            "weights": f"{name}.jsonl",
            "prompt": "compact-v1",
            "parameters_b": 1.0,
            "options": {"call_log": f"calls-{name}.log"},
            "resources": {"cpus": 1, "memory_gib": 1},
        }

    return {
        "study": {"name": "tiny"},
        "corpora": {"docs": {"documents": "documents", "metadata": "metadata.csv"}},
        "questions": {"set": {"file": "questions.csv"}},
        "retrievals": {"default": {"top_k_final": 2}},
        "models": {"good": model("good"), "poor": model("poor")},
        "ensembles": {"both": {"members": ["good", "poor"], "ignore_blank": True}},
        "scoring": {"bootstrap": 100},
        # One coarse plot: drawing all of them would take longer than all the rest.
        "report": {"outputs": {"which_figures": ["overall_scores"], "dpi": 60}},
    }


@dataclass
class Workplace:
    """A folder with a study, and the Snakemake that runs it."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    output: str = ""

    @property
    def study_file(self) -> Path:
        return self.folder / "study.yaml"

    def study(self) -> dict[str, Any]:
        loaded: dict[str, Any] = yaml.safe_load(self.study_file.read_text())
        return loaded

    def change(self, *path: str, to: Any) -> None:
        """Set one key of the study."""
        study = self.study()
        at = study
        for key in path[:-1]:
            at = at.setdefault(key, {})
        at[path[-1]] = to
        self.study_file.write_text(yaml.safe_dump(study, sort_keys=False))

    def snakemake(
        self, *arguments: str, profile: str = "local"
    ) -> subprocess.CompletedProcess[str]:
        """Run Snakemake in the folder."""
        environment = {**os.environ, **self.environment}
        environment["PATH"] = f"{SNAKEMAKE.parent}{os.pathsep}{environment['PATH']}"
        return subprocess.run(
            [
                str(SNAKEMAKE),
                "--snakefile",
                str(REPOSITORY / "Snakefile"),
                "--directory",
                str(self.folder),
                "--workflow-profile",
                str(REPOSITORY / "profiles" / profile),
                "--configfile",
                str(self.study_file),
                *arguments,
            ],
            check=False,
            cwd=self.folder,
            capture_output=True,
            text=True,
            env=environment,
            timeout=600,
        )

    def jobs(self, *arguments: str) -> Counter[str]:
        """Run the workflow and name each job that ran: the rule, and its wildcards' values."""
        done = self.snakemake("--quiet", "host", *arguments)
        self.output = done.stdout + done.stderr
        assert done.returncode == 0, self.output[-6000:]
        return jobs_of(self.output)

    def calls(self, model: str) -> list[str]:
        """Questions the recorded model was asked, in order."""
        log = self.folder / f"calls-{model}.log"
        return [json.loads(line)["question_id"] for line in log.read_text().splitlines()]


def jobs_of(output: str) -> Counter[str]:
    """Jobs that Snakemake says it started."""
    jobs: Counter[str] = Counter()
    for block in re.split(r"\n(?=\[?\w{3} \w{3} +\d+ \d\d:|(?:local)?rule )", "\n" + output):
        found = re.search(r"^(?:local)?rule (\w+):$", block, re.MULTILINE)
        if not found or found[1] == "all":
            continue
        wildcards = re.search(r"^    wildcards: (.*)$", block, re.MULTILINE)
        values = [pair.split("=", 1)[1] for pair in wildcards[1].split(", ")] if wildcards else []
        jobs[" ".join([found[1], *values])] += 1
    return jobs


def build(folder: Path) -> Workplace:
    """A fresh workplace."""
    (folder / "documents").mkdir(parents=True)
    for name, text in DOCUMENTS.items():
        (folder / "documents" / name).write_text(text)
    (folder / "metadata.csv").write_text(
        "id,type,title,year,citation,url\n"
        + "".join(
            f"{n},report,{n} title,2024,cited,https://example.org/{n}\n"
            for n in ("alpha", "beta", "gamma")
        )
    )
    (folder / "questions.csv").write_text("\n".join([COLUMNS, *QUESTIONS]) + "\n")
    (folder / "good.jsonl").write_text(recording({"q1", "q2", "q3", "q4", "q5"}))
    (folder / "poor.jsonl").write_text(recording({"q1", "q5"}))
    (folder / "study.yaml").write_text(yaml.safe_dump(study_of(folder), sort_keys=False))
    return Workplace(folder)


@pytest.fixture
def fresh(tmp_path: Path) -> Workplace:
    """A workplace where nothing ran yet."""
    return build(tmp_path / "fresh")


@pytest.fixture(scope="session")
def finished_once(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """A workplace where the whole workflow ran; tests take copies."""
    workplace = build(tmp_path_factory.mktemp("finished") / "study")
    workplace.jobs()
    return workplace


@pytest.fixture
def finished(finished_once: Workplace, tmp_path: Path) -> Workplace:
    """A copy of the finished workplace, to change and run again."""
    shutil.copytree(finished_once.folder, tmp_path / "study", symlinks=True)
    return Workplace(tmp_path / "study")
