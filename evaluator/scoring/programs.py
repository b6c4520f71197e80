"""Answers that are programs: where one is in what a model said, and whether it reads as Python. Nothing is run here."""

import ast
import re
from collections.abc import Sequence

MOST_CHARACTERS = 50_000
"""Of a program that is looked at; a worker runs longer ones all the same."""
_FENCED = re.compile(r"```(?:[pP]ython3?|py)?[^\S\n]*\n(.*?)(?:```|\Z)", re.DOTALL)


def code_in(output: str) -> str:
    """The program in an answer: what stands in its fences, one after the other, else all of it; "" for none."""
    fenced = _FENCED.findall(output)
    return "\n\n".join(one.strip("\n") for one in fenced).strip() if fenced else output.strip()


def program(code: str, tests: Sequence[str]) -> str:
    """The code with all tests behind it: it passes when it runs to its end."""
    return "\n\n".join([code, *tests]) + "\n"


def mistake(source: str) -> str:
    """Why this is no Python, "" where it is: read, not run."""
    if len(source) > MOST_CHARACTERS:
        return f"It has more than {MOST_CHARACTERS:,} characters."
    try:
        ast.parse(source)
    except SyntaxError as error:
        return f"Line {error.lineno or 1}: {error.msg}."
    except (ValueError, RecursionError, MemoryError):
        return "It cannot be read."
    return ""


def told(code: str) -> str:
    """What a program is, in a sentence: what it defines, or why it is none."""
    wrong = mistake(code)
    if wrong:
        return f"It is no Python, and cannot pass. {wrong}"
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names = [one.name for one in ast.parse(code).body if isinstance(one, kinds)]
    lines = len(code.splitlines())
    defined = f" that define{'s' if lines == 1 else ''} {', '.join(names[:5])}" if names else ""
    return f"Read as {lines} line{'' if lines == 1 else 's'} of Python{defined}. A worker runs it with its tests."
