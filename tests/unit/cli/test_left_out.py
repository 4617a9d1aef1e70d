"""What the commands that read result folders say of what they left out."""

import pytest

from wattbench.cli.folders import tell_left_out


def test_a_reason_that_many_share_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    many = [{"what": f"q{n}", "reason": "no gold answer is known"} for n in range(41)]
    tell_left_out([*many[:3], {"what": "run a", "reason": "it has no answers"}, *many[3:]])
    assert capsys.readouterr().out.splitlines() == [
        "  left out: q0, q1, q2, q3, q4 and 36 more: no gold answer is known",
        "  left out: run a: it has no answers",
    ]
