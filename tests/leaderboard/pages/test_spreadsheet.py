from datetime import date

import pytest

from leaderboard.pages.spreadsheet import cell, spreadsheet


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"),
        ("a=1", "a=1"), ("", ""), (-1.5, "-1.5"), (0, "0"), (1 / 3, "0.3333333333"), (None, ""), (float("inf"), "inf"),
        (float("nan"), ""), (7_241_732_096, "7241732096"), (0.1 + 0.2, "0.3"), (date(2026, 3, 1), "2026-03-01"),
    ],
)  # fmt: skip
def test_formulas_are_defused_and_numbers_are_numbers(value: object, written: str) -> None:
    assert cell(value) == written


def test_what_no_encoding_holds_is_written_as_its_number() -> None:
    reply = spreadsheet("a", ["name"], [["a\ud800,b"]])
    assert reply["Content-Disposition"] == 'attachment; filename="a.csv"'
    assert reply.content == b'name\r\n"a\\ud800,b"\r\n'
