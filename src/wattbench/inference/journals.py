"""The journals of a results folder: what each holds, and which no study refers to."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wattbench.errors import InputError
from wattbench.files import fault_of
from wattbench.inference.journal import ANSWERS, outcomes
from wattbench.inference.lease import living_holder
from wattbench.records import read
from wattbench.study.identity import run_identity
from wattbench.study.layout import Layout
from wattbench.study.models import SMOKE, Study
from wattbench.telemetry.ledger import starts


@dataclass(frozen=True)
class Journal:
    """One journal.

    Args:
        folder: Where it lies.
        environment: Its machine or cluster.
        questions: Its question set.
        run: Its model entry.
        identity: Digest of the settings it was made under.
        unused: Why no study refers to it, or None where one does.
    """

    folder: Path
    environment: str
    questions: str
    run: str
    identity: str
    unused: str | None

    def size_bytes(self) -> int:
        """Bytes of its files."""
        return sum(f.stat().st_size for f in self.folder.rglob("*") if f.is_file())

    def counts(self) -> dict[str, int]:
        """Answered and failed questions, records and segments."""
        records = read(self.folder / ANSWERS).records
        known = outcomes(records)
        answered = sum(outcome.done for outcome in known.values())
        return {
            "answered": answered,
            "failed": len(known) - answered,
            "records": len(records),
            "segments": len(starts(self.folder)),
        }


def list_journals(studies: Sequence[Study]) -> list[Journal]:
    """All journals under the studies' results folders, sorted by path.

    Args:
        studies: Studies that may refer to them; the first of several with one results folder
            does not outweigh the others.
    """
    found: list[Journal] = []
    for results in dict.fromkeys(study.study.results for study in studies):
        own = [study for study in studies if study.study.results == results]
        # The layout says where a journal lies, with a star in place of every name.
        pattern = Layout(Path()).run("*", "*", "*").journal("*")
        folders = sorted(Path(results).glob(str(pattern)))
        found += [_journal(folder, own) for folder in folders if folder.is_dir()]
    return found


def _journal(folder: Path, studies: Iterable[Study]) -> Journal:
    environment, questions, run, _, identity = folder.parts[-5:]
    reasons = [_unused(study, environment, questions, run, identity) for study in studies]
    unused = None if None in reasons else reasons[0]
    return Journal(folder, environment, questions, run, identity, unused)


def _unused(study: Study, environment: str, questions: str, run: str, identity: str) -> str | None:
    """Why a study does not refer to a journal; None where it does or where it cannot tell."""
    if environment != study.study.environment:
        # The same study on another machine: its settings there are not known here.
        return None
    if questions.removesuffix(SMOKE) not in study.questions:
        return f"the study has no question set '{questions}'"
    if run not in study.models:
        return f"the study has no model '{run}'"
    if identity != run_identity(study, run):
        return f"the settings of '{run}' have changed since"
    return None


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
