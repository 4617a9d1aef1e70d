"""The journals of a results folder: what each holds, and which no study refers to."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from wattbench.errors import InputError
from wattbench.files import fault_of
from wattbench.inference.journal import ABSTAINED, ANSWERS, by_key, last_reply
from wattbench.inference.judging import parse_verdict
from wattbench.inference.lease import living_holder
from wattbench.inference.planning import parse_queries
from wattbench.inference.replies import parse_reply
from wattbench.records import read
from wattbench.study.identity import judge_identity, planner_identity, run_identity
from wattbench.study.layout import Layout
from wattbench.study.models import SMOKE, Study
from wattbench.telemetry.ledger import starts

Kind = Literal["run", "judge", "planner"]
READERS: Mapping[Kind, Callable[[str], object]] = {
    "run": parse_reply,
    "judge": parse_verdict,
    "planner": parse_queries,
}
"""What reads the replies of each kind of journal."""


@dataclass(frozen=True)
class Journal:
    """One journal.

    Args:
        folder: Where it lies.
        kind: Whose it is.
        environment: Its machine or cluster; None for a planner's, which all environments share.
        questions: Its question set.
        name: The model entry of a run, the retrieval of a planner; None for a judge's.
        identity: Digest of the settings it was made under.
        unused: Why no study refers to it, or None where one does.
    """

    folder: Path
    kind: Kind
    environment: str | None
    questions: str
    name: str | None
    identity: str
    unused: str | None = None

    def size_bytes(self) -> int:
        """Bytes of its files."""
        return sum(f.stat().st_size for f in self.folder.rglob("*") if f.is_file())

    def counts(self) -> dict[str, int]:
        """Answered and failed questions, records and segments."""
        records = read(self.folder / ANSWERS).records
        known = by_key(records)
        answered = sum(
            tries[-1]["kind"] == ABSTAINED or last_reply(tries, READERS[self.kind]) is not None
            for tries in known.values()
        )
        return {
            "answered": answered,
            "failed": len(known) - answered,
            "records": len(records),
            "segments": len(starts(self.folder)),
        }


def list_journals(studies: Sequence[Study]) -> list[Journal]:
    """All journals under the studies' results folders: of runs, judges and planners, by path.

    Args:
        studies: Studies that may refer to them; the first of several with one results folder
            does not outweigh the others.
    """
    found: list[Journal] = []
    for results in dict.fromkeys(study.study.results for study in studies):
        own = [study for study in studies if study.study.results == results]
        for journal in sorted(_in(Path(results)), key=lambda one: one.folder):
            reasons = [_unused(study, journal) for study in own]
            unused = None if None in reasons else reasons[0]
            found.append(replace(journal, unused=unused))
    return found


def _in(results: Path) -> Iterator[Journal]:
    """The journals of a results folder."""
    # The layout says where a journal lies, with a star in place of every name.
    layout = Layout(Path())
    for folder in _folders(results, layout.run("*", "*", "*").journal("*")):
        environment, questions, run, _, identity = folder.parts[-5:]
        yield Journal(folder, "run", environment, questions, run, identity)
    for folder in _folders(results, layout.judge_journal("*", "*", "*")):
        environment, questions, _, identity = folder.parts[-4:]
        yield Journal(folder, "judge", environment, questions, None, identity)
    for folder in _folders(results, layout.queries_journal("*", "*", "*")):
        questions, queries, identity = folder.parts[-3:]
        retrieval = queries.removesuffix(layout.queries_journal("*", "", "*").parent.name)
        yield Journal(folder, "planner", None, questions, retrieval, identity)


def _folders(results: Path, pattern: Path) -> list[Path]:
    return [folder for folder in results.glob(str(pattern)) if folder.is_dir()]


def _unused(study: Study, journal: Journal) -> str | None:
    """Why a study does not refer to a journal; None where it does or where it cannot tell."""
    if journal.environment not in {study.study.environment, None}:
        # The same study on another machine: its settings there are not known here.
        return None
    if journal.questions.removesuffix(SMOKE) not in study.questions:
        return f"the study has no question set '{journal.questions}'"
    now, words = _now(study, journal)
    if now is None:
        return words
    return None if journal.identity == now else f"the settings of {words} have changed since"


def _now(study: Study, journal: Journal) -> tuple[str | None, str]:
    """Identity that such a journal has under the study's settings, and whose these are.

    None where the study has no such work, and why.
    """
    name = journal.name or ""
    if journal.kind == "run":
        if name not in study.models:
            return None, f"the study has no model '{name}'"
        return run_identity(study, name), f"'{name}'"
    if journal.kind == "judge":
        judge = study.scoring.judge
        if judge is None:
            return None, "the study names no judging model"
        return judge_identity(study, judge.model), "the judging model"
    retrieval = study.retrievals.get(name)
    if retrieval is None or retrieval.planner.model is None:
        return None, f"no model plans searches for a retrieval '{name}'"
    return planner_identity(study, name), f"the model that plans for '{name}'"


def remove(journal: Journal) -> None:
    """Delete a journal that no study refers to.

    Raises:
        InputError: A study refers to it, or a living process writes it.
        FaultError: It cannot be deleted.
    """
    if journal.unused is None:
        raise InputError("the study refers to this journal.", where=str(journal.folder))
    holder = living_holder(journal.folder)
    if holder is not None:
        raise InputError(
            f"process {holder.pid} on {holder.host} works on this journal.",
            where=str(journal.folder),
            mend="Let it finish or stop it first.",
        )
    try:
        shutil.rmtree(journal.folder)
    except OSError as error:
        raise fault_of(error, journal.folder) from error
