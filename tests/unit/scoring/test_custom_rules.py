"""Rules of a study's own, from a file or a module, and what becomes of a faulty one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.made_results import RIGHT, make_study, write_run

from wattbench.errors import InputError
from wattbench.scoring.custom import load_rules
from wattbench.scoring.stage import score
from wattbench.study.identity import digest_of, scoring_slice
from wattbench.study.layout import Layout
from wattbench.tables.files import read_rows
from wattbench.tables.verdicts import SCORES

HEAD = "from wattbench.scoring.custom import rule\n\n"
SHORT = HEAD + '@rule("short")\ndef short(question, answer):\n    return len(answer) < 4, "short"\n'


def test_a_rule_of_a_file_judges_the_runs(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(SHORT)
    custom = {"short": str(tmp_path / "mine.py")}
    study = make_study(
        tmp_path, ["m"], scoring={"rule": "short", "also": ["strict"], "custom": custom}
    )
    write_run(study, "m", {**RIGHT, "q1": "999", "q4": "is_blank"})
    score(study, "set", "m")
    files = Layout(tmp_path / "results").run("local", "set", "m")
    rows = {r["question_id"]: r for r in read_rows(files.scores, SCORES) if r["rule"] == "short"}
    assert [rows[q]["value_correct"] for q in ("q1", "q2", "q3", "q4")] == [True, True, False, True]
    assert rows["q1"]["why"] == "short"
    assert rows["q4"]["why"] == "abstained as it should"


def test_a_changed_rule_makes_scores_invalid(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(SHORT)
    study = make_study(tmp_path, ["m"], scoring={"custom": {"short": str(file)}})
    before = digest_of(scoring_slice(study))
    file.touch()
    assert digest_of(scoring_slice(study)) == before
    file.write_text(SHORT.replace("4", "5"))
    assert digest_of(scoring_slice(study)) != before


def test_a_rule_of_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wb_rules_of_mine.py").write_text(SHORT)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert set(load_rules({"short": "wb_rules_of_mine"})) == {"short"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD, "holds no rule 'short'"),
        ("import nothing_of_that_name\n", "cannot be loaded: ModuleNotFoundError"),
        ("def broken(:\n", "cannot be loaded: SyntaxError"),
        ("import sys\nsys.exit(0)\n", "cannot be loaded: SystemExit"),
        (
            SHORT + SHORT.removeprefix(HEAD).replace("def short", "def other"),
            "holds 2 rules 'short'",
        ),
        (SHORT.replace("len(answer) < 4", "answer / 2"), r"line 5: .* failed on question 'q1'"),
        (SHORT.replace("len(answer) < 4", "exit(3)"), "failed on question 'q1' .*: SystemExit: 3"),
        (SHORT.replace('len(answer) < 4, "short"', "1"), "gave 1 for question 'q1'"),
        (SHORT.replace('len(answer) < 4, "short"', "True, 'a', 'b'"), "gave .* for question 'q1'"),
        (SHORT.replace("(question, answer)", "(answer)"), r"mine.py: the rule .* TypeError: short"),
        (SHORT.replace('len(answer) < 4, "short"', "None"), "gave None for question 'q1'"),
    ],
)
def test_a_faulty_rule_is_named(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "mine.py"
    file.write_text(text)
    scoring = {"rule": "short", "custom": {"short": str(file)}}
    study = make_study(tmp_path, ["m"], scoring=scoring)
    write_run(study, "m", RIGHT)
    with pytest.raises(InputError, match=said) as error:
        score(study, "set", "m")
    assert str(file) in error.value.paragraph()


def test_a_rule_may_answer_in_numpys_words_and_in_any_text(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import numpy as np\n" + SHORT.replace("len(answer) < 4", "np.int64(3) < np.int64(4)")
        .replace(', "short"', r', "\ud800 it is"')
    )  # fmt: skip
    study = make_study(tmp_path, ["m"], scoring={"rule": "short", "custom": {"short": str(file)}})
    write_run(study, "m", RIGHT)
    score(study, "set", "m")
    rows = read_rows(Layout(tmp_path / "results").run("local", "set", "m").scores, SCORES)
    assert {row["why"] for row in rows} == {"? it is", "abstained as it should"}


def test_one_rule_under_two_names_is_one(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(SHORT + "also = short\n")
    assert set(load_rules({"short": str(file)})) == {"short"}


@pytest.mark.parametrize("where", ["not_there.py", "no.such.module", "os"])
def test_a_rule_that_is_nowhere(where: str) -> None:
    with pytest.raises(InputError):
        load_rules({"short": where})


@pytest.mark.parametrize(
    ("scoring", "said"),
    [
        ({"rule": "short"}, "there is no rule named 'short'; known: contains"),
        ({"also": ["nice"]}, "scoring.also.0: there is no rule named 'nice'"),
        ({"custom": {"strict": "mine.py"}}, "scoring.custom.strict: a built-in rule has that name"),
    ],
)
def test_a_study_names_rules_that_are(
    tmp_path: Path, scoring: dict[str, object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        make_study(tmp_path, ["m"], scoring=scoring)
