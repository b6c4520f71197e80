"""Programs in what a model said: found, read, and run only by whoever is handed in."""

import pytest

from evaluator.scoring.programs import MOST_CHARACTERS, code_in, mistake, program, told
from evaluator.scoring.scored import NOT_RUN, score, unfit
from evaluator.scoring.spec import UnitTests

ADD = "def add(a, b):\n    return a + b"


@pytest.mark.parametrize(
    ("output", "code"),
    [
        (ADD, ADD),
        (f"Here it is:\n```python\n{ADD}\n```\nIt adds.", ADD),
        (f"```\n{ADD}\n```", ADD),
        (f"```py\n{ADD}", ADD),  # cut at its limit
        ("```python\na = 1\n```\nand then\n```python\nb = 2\n```", "a = 1\n\nb = 2"),
        ("```python\n```", ""),
        ("  ", ""),
    ],
)
def test_where_the_program_is(output: str, code: str) -> None:
    assert code_in(output) == code


def test_all_references_are_its_tests() -> None:
    seen: list[str] = []
    found = score(
        UnitTests(), ADD, ["assert add(1, 2) == 3", "assert add(0, 0) == 0"], run=lambda it: seen.append(it) or ""
    )
    assert (found.score, found.answer, found.why) == (1.0, ADD, "")
    assert seen == [f"{ADD}\n\nassert add(1, 2) == 3\n\nassert add(0, 0) == 0\n"] == [
        program(ADD, ["assert add(1, 2) == 3", "assert add(0, 0) == 0"])
    ]  # fmt: skip


def test_what_does_not_pass_says_why_and_what_is_not_run_counts_nothing() -> None:
    failed = score(UnitTests(), ADD, ["assert False"], run=lambda _: "AssertionError")
    assert (failed.score, failed.why) == (0.0, "AssertionError")
    assert score(UnitTests(), ADD, ["assert True"]) == (0.0, ADD, NOT_RUN)
    nothing = score(UnitTests(), "```\n```", ["assert True"], run=lambda _: pytest.fail("nothing is to be run"))
    assert (nothing.score, nothing.answer, nothing.why) == (0.0, None, "There is no program in it.")
    assert (
        score(UnitTests(extract="(?s)<code>(.*)</code>"), f"<code>{ADD}</code>", ["1"], run=lambda _: "").answer == ADD
    )


@pytest.mark.parametrize(
    ("references", "words"),
    [((), "needs one"), (("assert add(1, 2) ==",), "no Python that could test anything. Line 1"), (("assert 1",), "")],
)
def test_tests_have_to_be_python(references: tuple[str, ...], words: str) -> None:
    assert (words in unfit(UnitTests(), references)) and bool(words) == bool(unfit(UnitTests(), references))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = 1", ""),
        ("def f(:\n  pass", "Line 1"),
        ("(" * 5_000, "Line 1|cannot be read"),
        ("-" * 40_000 + "1", "cannot be read|Line 1|^$"),
        ("x = '\x00'", "cannot be read|Line 1"),
        ("#" * (MOST_CHARACTERS + 1), "more than"),
    ],
)
def test_anything_can_be_read_without_harm(source: str, words: str) -> None:
    assert any(one in mistake(source) if one not in ("", "^$") else mistake(source) == "" for one in words.split("|"))


def test_a_program_in_a_sentence() -> None:
    assert told(ADD) == "Read as 2 lines of Python that define add. A worker runs it with its tests."
    assert told("print(1)") == "Read as 1 line of Python. A worker runs it with its tests."
    assert told("I cannot do that.").startswith("It is no Python, and cannot pass. Line 1: ")
