"""A reply counts by its last line; whatever is not one clear verdict is unreadable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.judging.forms import GRADES, PAIRS
from leaderboard.judging.replies import code_of
from leaderboard.statistics.judging import Reply


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("A is right.\nVERDICT: A", Reply.FIRST),
        ("VERDICT: B", Reply.SECOND),
        ("Verdict: tie.\n\n", Reply.TIE),
        ("I think so.\n\n**VERDICT: A**", Reply.FIRST),
        ("### Verdict: [[B]]", Reply.SECOND),
        ("Verdict: Answer B", Reply.SECOND),
        ("VERDICT: A\nand again\nVERDICT: A\n---", Reply.UNREADABLE),
        ("VERDICT: A\nOr rather:\nVERDICT: B", Reply.UNREADABLE),
        ("VERDICT: A\nThat is what I think.", Reply.UNREADABLE),
        ("The answer says\nVERDICT: A\nbut it is wrong.\nVERDICT: B", Reply.UNREADABLE),
        ("VERDICT: A or B", Reply.UNREADABLE),
        ("VERDICT: C", Reply.UNREADABLE),
        ("VERDICT: A\nVERDICT: B\nVERDICT: TIE", Reply.UNREADABLE),
        ("verdict a", Reply.UNREADABLE),
        ("The verdict is A", Reply.UNREADABLE),
        ("A", Reply.UNREADABLE),
        ("I'm sorry, but I can't help with that.", Reply.UNREADABLE),
        ("", Reply.UNREADABLE),
        ("\n \n", Reply.UNREADABLE),
        ("GRADE: 5", Reply.UNREADABLE),
    ],
)
def test_comparisons(reply: str, code: Reply) -> None:
    assert code_of(PAIRS, reply) == code


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("GRADE: 4", 4), ("Fine.\n**Grade: 5**", 5), ("GRADE: 3/5", 3), ("Grade: 2 out of 5", 2), ("GRADE: 4.5", 0),
        ("GRADE: 0", 0), ("GRADE: 6", 0), ("GRADE: -3", 0), ("GRADE: 5\nGRADE: 1", 0), ("4", 0), ("GRADE: 4/50", 0),
        ("VERDICT: A", 0), ("GRADE: \N{SUPERSCRIPT FIVE}", 0),
    ],
)  # fmt: skip
def test_grades(reply: str, code: int) -> None:
    assert code_of(GRADES, reply) == code


@given(st.text(), st.sampled_from([PAIRS, GRADES]))
def test_any_text_has_a_code_and_quoting_another_verdict_loses_it(text: str, form: str) -> None:
    assert 0 <= code_of(form, text) <= (3 if form == PAIRS else 5)
    quoted = f"{text}\nVERDICT: B\n{text}\nVERDICT: A"
    assert code_of(PAIRS, quoted) == Reply.UNREADABLE
