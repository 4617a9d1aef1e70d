"""CSV, JSON and LaTeX: safe, whole, and unknown never 0."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.report import report_fixture as made
from tests.unit.report.test_nulls import PLANTED, planted, reason
from typer.testing import CliRunner

from wattbench.cli.app import build
from wattbench.errors import InputError
from wattbench.report import csvs, exports, paper
from wattbench.report.data import Group, read_report_data
from wattbench.report.latex import escaped, tabular
from wattbench.study.resolve import write_resolved
from wattbench.tables.contract import COUNT, REAL
from wattbench.tables.files import write_text
from wattbench.tables.runs import AUDIT, RUNS

FIGURES = [c.name for c in RUNS.columns if c.type in {REAL, COUNT}]


@pytest.fixture(scope="module")
def group(tmp_path_factory: pytest.TempPathFactory) -> Group:
    """The made study whose run qwen-0.5b has no figure at all."""
    (found,) = planted(tmp_path_factory.mktemp("planted")).groups
    return found


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_every_planted_null_reads_not_measured_in_csv(group: Group) -> None:
    files = csvs.csv_files(group)
    row = next(r for r in rows_of(files["models"]) if r["run"] == "qwen-0.5b")
    reasons = dict(part.split(": ", 1) for part in row["not_measured"].split("; "))
    for column in PLANTED:
        assert row[column] == "not measured", column
        assert reasons[column] == reason(column)
    listed = {r["column"]: r["reason"] for r in rows_of(files["not-measured"])
              if "qwen-0.5b" in r["runs"].split("; ")}  # fmt: skip
    assert {c: reason(c) for c in PLANTED}.items() <= listed.items()


def test_figures_that_are_there_are_numbers_in_csv(group: Group) -> None:
    known = {r.name: r.row for r in group.runs}
    for row in rows_of(csvs.csv_files(group)["models"]):
        for column in FIGURES:
            value = known[row["run"]][column]
            if value is None:
                assert row[column] == "not measured"
            else:
                assert float(row[column]) == value


def test_every_planted_null_reads_not_measured_in_latex(group: Group) -> None:
    rows = [r.row for r in group.runs]
    text = exports.exported(RUNS, rows, "latex")
    notes = re.findall(r"textsuperscript\{(\d+)\}~(.*?)\\par", text)
    numbers = {said: number for number, said in notes}
    names = [n for n in RUNS.names() if n != "flags"]
    lines = text.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().split("\\\\\n")
    line = next(part for part in lines if " qwen-0.5b " in part)
    cells = dict(zip(names, line.removesuffix(r"\\").split(" & "), strict=True))
    for column in PLANTED:
        mark = numbers[escaped(reason(column))]
        assert cells[column].strip() == (rf"\textit{{not measured}}\textsuperscript{{{mark}}}"), (
            column
        )
    whole = paper.not_measured_latex(group).replace(r"\raggedright ", "")
    for column in PLANTED:
        shown = f"{escaped(column)} & not measured & {escaped(reason(column))} & "
        assert shown in whole.replace(r"\allowbreak{}", "")


def test_the_latex_model_table_has_its_units_in_the_head(group: Group) -> None:
    text = paper.models_latex(group, "95 %")
    assert r"\withbelow{Energy}{Wh} & \withbelow{Time}{s/question} & \withbelow{VRAM}{GiB}" in text
    line = next(part for part in text.splitlines() if "SmolLM2 135M & " in part)
    assert line.removesuffix(r" \\").split(" & ")[1:6] == [
        r"\withbelow{0.531}{0.391--0.651}", r"\withbelow{0.500}{0.314--0.686}",
        r"\withbelow{$\sim$25.4}{17.8--40.7}", r"\withbelow{$\sim$0.102}{$\pm$ 0.043}", "5.25",
    ]  # fmt: skip
    assert r"A tilde marks an estimate" in text


def test_nulls_of_one_reason_are_one_row(group: Group) -> None:
    text = paper.not_measured_latex(group)
    assert text.count(escaped("no energy meter")) == 1
    assert text.count(r"\tabularnewline") < sum(
        run.row[name] is None for run in group.runs for name in RUNS.names()
    )


def test_json_has_null_and_the_reason(group: Group) -> None:
    found = json.loads(exports.json_text(RUNS, [r.row for r in group.runs]))
    row = next(r for r in found if r["run"] == "qwen-0.5b")
    for column in PLANTED:
        assert row[column] is None
        assert row["not_measured"][column] == reason(column)


HOSTILE = st.text() | st.sampled_from(made.PAYLOADS)


@given(HOSTILE)
def test_latex_escapes_every_active_character(text: str) -> None:
    shown = escaped(text)
    told = re.sub(r"\\othertext\{[^\x00-\x7f]+\}\{\[[U+0-9A-F ]+\]\}", "", shown)
    bare = re.sub(
        r"\\(textbackslash|textasciicircum|textless|textgreater|textbar)\{\}|"
        r"\\symbol\{34\}|\\[{}&%$#_]|\$(-|\\pm|\\geq|\\leq|\\sim)\$|^\{[\[*]\}|\{\}",
        "",
        told,
    )
    assert not set(bare) & set('\\{}&%$#_~^<>|"\n\r')
    assert not shown.startswith(("[", "*")), r"after \\ of the row before it is an argument"


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("--flag a---b", "-{}-flag a-{}-{}-b"),
        ("''quoted`` ?`", "'{}'quoted`{}` ?{}`"),
        ('a "b"', r"a \symbol{34}b\symbol{34}"),
        ("\ufffda", "{[}U+FFFD]a"),
        ("caf\u00e9 \u0142\u00f3d\u017a", "caf\u00e9 \u0142\u00f3d\u017a"),
        ("a\u540d\u524db", "a\\othertext{\u540d\u524d}{[U+540D U+524D]}b"),
    ],
)
def test_latex_sets_text_as_it_stands(text: str, latex: str) -> None:
    assert escaped(text) == latex


def compiled(folder: Path, *texts: str) -> str:
    """What pdfLaTeX says of the texts on an A4 page; it stops at the first error."""
    latex, finder = shutil.which("pdflatex"), shutil.which("kpsewhich")
    if latex is None or finder is None:
        pytest.skip("pdfLaTeX is not installed")
    for package in ("booktabs.sty", "longtable.sty"):
        if not subprocess.run([finder, package], capture_output=True, check=False).stdout:
            pytest.skip(f"LaTeX's {package} is not installed")
    whole = "\n".join(texts)
    (folder / "paper.tex").write_text(
        "\\documentclass[a4paper]{article}\n\\usepackage{booktabs,longtable}\n"
        f"\\begin{{document}}\n{whole}\n\\end{{document}}\n"
    )
    done = subprocess.run(
        [latex, "-draftmode", "-halt-on-error", "-no-shell-escape",
         "-interaction=nonstopmode", "paper.tex"],
        cwd=folder, capture_output=True, text=True, timeout=120, errors="replace", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


@pytest.mark.parametrize("unknown", [True, False])
def test_latex_fits_an_a4_page_and_leaves_the_text_its_size(
    tmp_path: Path,
    *,
    unknown: bool,
) -> None:
    (found,) = planted(tmp_path).groups
    first, *others = found.runs
    runs = [replace(first, label="meta-llama/Llama-4-Maverick_17B_128E-Instruct-FP8"), *others]
    for run in runs if unknown else ():
        run.row.update(dict.fromkeys(("energy_answer_j", "energy_gross_j", "latency_p50_s")))
        run.row["energy_per_correct_j"] = None
    wide = replace(found, runs=tuple(runs))
    told = compiled(
        tmp_path,
        r"\begin{table}\centering",
        paper.models_latex(wide, "95 %"),
        r"\end{table}",
        paper.not_measured_latex(wide),
        r"\makeatletter\typeout{size \f@size}\makeatother",
        exports.exported(RUNS, [r.row for r in runs], "latex", columns=("energy_gross_j",)),
        r"\makeatletter\typeout{size \f@size}\makeatother",
    )
    assert "Overfull" not in told
    assert re.findall(r"size (\d+)", told) == ["10", "10"]


def test_latex_compiles_whatever_a_model_wrote(tmp_path: Path) -> None:
    made.write_tables(tmp_path, change=made.hostile)
    names = made.hostile_names(tmp_path / "analysis.md")
    (found,) = read_report_data(made.study(tmp_path, **names)).groups
    rows = [r.row for r in found.runs]
    compiled(
        tmp_path,
        paper.models_latex(found, "95 %"),
        paper.not_measured_latex(found),
        exports.exported(RUNS, rows, "latex", columns=("run", "label", "revision", "gpu_names")),
        exports.exported(AUDIT, found.audit, "latex"),
    )


def test_latex_compiles_letters_of_every_script(tmp_path: Path) -> None:
    letters = [chr(code) for code in range(0x20, 0x3000) if chr(code).isprintable()]
    rows = [[escaped("".join(letters[i : i + 20]))] for i in range(0, len(letters), 20)]
    compiled(tmp_path, tabular(["Letters"], rows, numeric=[False]))


def test_the_guides_export(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"cell_%": ["kd_1B", "=SUM(A1)", "[80,90]"], "kWh": [0.123456, None, 2.0], "n": [1, 2, 3]}
    )
    exports.export_table_to_latex_and_csv(
        frame, latex_path=tmp_path / "t" / "core.tex", csv_path=tmp_path / "t" / "core.csv",
        float_format="%.3g",
    )  # fmt: skip
    latex = (tmp_path / "t" / "core.tex").read_text()
    assert r"cell\_\% & kWh & n \\" in latex
    assert r"kd\_1B & 0.123 & 1 \\" in latex
    assert "not measured & 2" in latex
    assert r"{[}80,90]" in latex
    rows = rows_of((tmp_path / "t" / "core.csv").read_text())
    assert [r["kWh"] for r in rows] == ["0.123", "not measured", "2"]
    assert rows[1]["cell_%"] == "'=SUM(A1)"
    with pytest.raises(InputError, match="no column kwh"):
        exports.export_table_to_latex_and_csv(
            frame, latex_path=tmp_path / "a", csv_path=tmp_path / "b", columns=["kwh"]
        )
    with pytest.raises(InputError, match="no format of one number"):
        exports.export_table_to_latex_and_csv(
            frame, latex_path=tmp_path / "a", csv_path=tmp_path / "b", float_format="%d %d"
        )


def test_the_command(tmp_path: Path) -> None:
    made.write_tables(tmp_path / "results")
    study = tmp_path / "study.json"
    write_resolved(made.study(tmp_path / "results"), study)

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(build(), ["export", *arguments, "--study", str(study)])
        return done.exit_code, done.output

    code, text = run("runs", "--columns", "run,energy_gross_j,correct")
    assert code == 0
    assert list(rows_of(text)[0]) == ["run", "energy_gross_j", "correct", "not_measured", "notes"]
    code, text = run(
        "runs", "--format", "latex", "--columns", "run,score", "--float-format", "%.1f"
    )
    assert code == 0
    assert r"qwen-1.5b & 0.7 \\" in text
    code, text = run("runs", "--columns", "runn")
    assert code == 2
    assert "did you mean 'run'" in text
    assert run("rums")[0] == 2
    assert run("runs", "--format", "xml")[0] == 2
    code, text = run("segments", "--columns", "run,phases,flags")
    assert code == 0
    assert list(rows_of(text)[0]) == ["run", "phases", "flags", "not_measured", "notes"]
    phases = [json.loads(part) for part in rows_of(text)[0]["phases"].split("; ")]
    assert phases[0]["phase"]
    assert run("segments", "--format", "latex")[0] == 0
    target = tmp_path / "out" / "votes.json"
    assert run("votes", "--format", "json", "--output", str(target))[0] == 0
    assert json.loads(target.read_text())[0]["member"]
    code, text = run("runs", "--questions", "nothing", "--format", "json")
    assert code == 2
    assert "no question set 'nothing'; it has: demo" in text
    code, text = run("runs", "--questions", "demo", "--columns", "run,score")
    assert code == 0
    # Notes on columns that are not shown are not shown either.
    assert {row["notes"] for row in rows_of(text)} == {""}


def test_text_that_was_there_before_is_replaced_whole(tmp_path: Path) -> None:
    write_text(tmp_path / "a.csv", "old\n" * 100)
    exports.export_table_to_latex_and_csv(
        pd.DataFrame({"a": [1]}), latex_path=tmp_path / "a.tex", csv_path=tmp_path / "a.csv"
    )
    assert (tmp_path / "a.csv").read_text() == "a\n1\n"
