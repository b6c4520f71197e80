"""What a reader does on the two pages, and which model has to be first then: read from the table itself.

Every step is JavaScript that runs inside the page, so that nothing outside of it is timed. Filters are those that both
pages have, as each has them: on ours a value is chosen, on theirs the others are left out.
"""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

Row = dict[str, str]
AVERAGE = "Average ⬆️"
COLUMNS = (AVERAGE, "IFEval", "BBH", "MATH Lvl 5", "GPQA", "MUSR", "MMLU-PRO")
WORDS = ("qwen", "llama", "mistral", "gemma", "phi", "smollm")
SUITE = "open-llm-leaderboard-v2@1"


@dataclass(frozen=True)
class Step:
    """`act` does it; it is done once one of `first` is the first row and `done` holds. `undo` brings the page back."""

    kind: str
    act: str
    first: tuple[str, ...]
    done: str = "true"
    undo: str = ""


@dataclass(frozen=True)
class Site:
    """`path`: of the page; `{n}` is new each time. `first`: JavaScript, the name of the model in the first row, or
    nothing. `top`: who is first to begin with. `before`: what is done once the page is there, and never timed."""

    path: str
    first: str
    top: tuple[str, ...]
    steps: tuple[Step, ...]
    before: str = "null"


def rows(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def best(found: list[Row], column: str = AVERAGE, *, sign: int = 1) -> tuple[str, ...]:
    """The models that share the highest (or, with -1, the lowest) value, as it is printed."""
    values = [round(sign * float(row[column]), 2) for row in found]
    return tuple(sorted({row["fullname"] for row, value in zip(found, values, strict=True) if value == max(values)}))


def those(found: list[Row], fits: Callable[[Row], bool]) -> tuple[str, ...]:
    return best([row for row in found if fits(row)])


def sized(low: float, high: float) -> Callable[[Row], bool]:
    return lambda row: low <= float(row["#Params (B)"]) < high


def holds(column: str, *values: str) -> Callable[[Row], bool]:
    return lambda row: row[column].startswith(values)


def ours(found: list[Row]) -> Site:
    """Our board. Each step adds a number to the address, so that the page was never made before."""
    headings = ("score", *map(str, range(1, len(COLUMNS))))
    steps = []
    for heading, column in zip(headings, COLUMNS, strict=True):
        link = f'document.getElementById("sort-{heading}")'
        for order, sign in (("descending", 1), ("ascending", -1)):
            done = f'{link}.closest("th").ariaSort === "{order}"'
            steps.append(Step("sort", f"{link}.click()", best(found, column, sign=sign), done))
    for name, value, fits in (
        ("precision", "float16", holds("Precision", "float16")),
        ("training", "chat", holds("Type", "💬")),
        ("merged", "yes", holds("Merged", "True")),
        ("size_class", "20-40 B", sized(20, 40)),
    ):
        box = f"""document.querySelector('#facets input[name="{name}"][value="{value}"]')"""
        steps.append(Step("filter", f"fresh(); {box}.click()", those(found, fits), undo=f"fresh(); {box}.click()"))
    typed = 'fresh(); const box = document.getElementById("search"); box.value = "{}"; box.form.requestSubmit()'
    steps += [Step("search", typed.format(word), named(found, word), undo=typed.format("")) for word in WORDS]
    number = """globalThis.fresh = () => {
        const form = document.getElementById("filters");
        form.elements.utm_id ?? form.insertAdjacentHTML("beforeend", '<input type="hidden" name="utm_id">');
        form.elements.utm_id.value = Math.random();
    }"""
    first = """document.querySelector("#board tbody:not(.pinned) tr[data-row] .name")?.title"""
    return Site(f"/?suite={SUITE}&utm_id={{n}}", first, best(found), tuple(steps), number)


def theirs(found: list[Row]) -> Site:
    """The gradio_leaderboard page. Its last table is the one that is seen; the other one measures widths."""
    table = '[...document.querySelectorAll("table")].at(-1)'
    steps = []
    for place, column in enumerate(COLUMNS, 3):
        heading = f'{table}.querySelector("th:nth-child({place})")'
        for order, sign in (("ascending", -1), ("descending", 1)):
            click = f'{heading}.querySelector(".sort-button").click()'
            steps.append(Step("sort", click, best(found, column, sign=sign), f'{heading}.ariaSort === "{order}"'))
    kinds = 'document.querySelector("input[name^=🔶]").click()'
    for act, fits, undo in (
        ('document.querySelector("input[name=bfloat16]").click()', holds("Precision", "float16", "4bit"), ""),
        (kinds, lambda row: not row["Type"].startswith("🔶"), ""),
        ('document.querySelector("input[name=Merged]").click()', holds("Merged", "True"), ""),
        (slide(40), sized(-1, 40.001), slide(141)),
    ):
        steps.append(Step("filter", act, those(found, fits), undo=undo or act))
    typed = """const box = document.querySelector("input[placeholder^=Separate]"); box.value = "{}";
        box.dispatchEvent(new Event("input", {{bubbles: true}}));
        box.dispatchEvent(new KeyboardEvent("keypress", {{key: "Enter", bubbles: true}}))"""
    steps += [Step("search", typed.format(word), named(found, word), undo=typed.format("")) for word in WORDS]
    first = f"""{table}?.tBodies[0]?.rows[0]?.querySelector("a")?.href.replace("https://huggingface.co/", "")"""
    return Site("/", first, best(found), tuple(steps))


def slide(most: int) -> str:
    """Move the slider's upper end."""
    return f"""const end = document.querySelectorAll("input[type=range]")[1]; end.value = {most};
        for (const kind of ["input", "change"]) end.dispatchEvent(new Event(kind, {{bubbles: true}}))"""


def named(found: list[Row], word: str) -> tuple[str, ...]:
    return those(found, lambda row: word in row["fullname"].lower())
