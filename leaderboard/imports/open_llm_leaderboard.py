"""The table of the retired Open LLM Leaderboard v2, as it was published (CSV or Parquet).

One row is an evaluation, named by (fullname, Precision). "... Raw" columns are fractions, the others are normalised
from chance (0) to perfect (100), by subtask where a task has some; "Average" is their mean, and is the score here.
The table has no standard errors and no items, and no column of ranks: its rank is the place by average.
"""

import hashlib
import re
from collections import Counter
from pathlib import Path
from typing import Any

from evaluator.contract import SuiteSpec, TaskSpec
from evaluator.hub import HUB_ID
from leaderboard.imports import licences, tables
from leaderboard.imports.evaluations import Evaluation, Note, Source, SourceError
from leaderboard.models import Model

NAME = "open-llm-leaderboard-v2"
TITLE = "Open LLM Leaderboard v2"
URL = "https://huggingface.co/datasets/open-llm-leaderboard/contents"
DATASET = "open-llm-leaderboard/contents"
DATASET_FILE = "data/train-00000-of-00001.parquet"

SUITE = SuiteSpec(
    name=NAME,
    version=1,
    title=TITLE,
    description=(
        "The table of the Open LLM Leaderboard v2, which Hugging Face ran from June 2024 on. The score is the source’s "
        "average of six tasks, each counted from chance (0) to perfect (100). It publishes no standard errors, so "
        "ranks have no intervals."
    ),
    normalise=True,
    tasks=(
        TaskSpec(task="leaderboard_ifeval", title="IFEval", metric="strict accuracy", num_fewshot=0),
        TaskSpec(task="leaderboard_bbh", title="BBH", metric="acc_norm", num_fewshot=3),
        TaskSpec(task="leaderboard_math_hard", title="MATH Lvl 5", metric="exact_match", num_fewshot=4),
        TaskSpec(task="leaderboard_gpqa", title="GPQA", metric="acc_norm", num_fewshot=0, baseline=0.25),
        TaskSpec(task="leaderboard_musr", title="MUSR", metric="acc_norm", num_fewshot=0),
        TaskSpec(task="leaderboard_mmlu_pro", title="MMLU-PRO", metric="acc", num_fewshot=5, baseline=0.1),
    ),
)
"""BBH and MUSR have a baseline for each subtask, which a task's one baseline cannot say: it stays 0."""

AVERAGE = "Average ⬆️"
COLUMNS: dict[str, tables.Cell] = {
    "fullname": tables.text,
    "Precision": tables.text,
    "Model sha": tables.text,
    "Type": tables.text,
    "Weight type": tables.text,
    "Architecture": tables.text,
    AVERAGE: tables.number,
    "Hub License": tables.text,
    "Hub ❤️": tables.number,
    "#Params (B)": tables.number,
    "Available on the hub": tables.flag,
    "MoE": tables.flag,
    "Flagged": tables.flag,
    "Merged": tables.flag,
    "Official Providers": tables.flag,
    "Chat Template": tables.flag,
    "CO₂ cost (kg)": tables.number,
    "Upload To Hub Date": tables.day,
    "Submission Date": tables.day,
    "Generation": tables.number,
    "Base Model": tables.text,
    **{f"{task.title}{raw}": tables.number for task in SUITE.tasks for raw in ("", " Raw")},
}

TRAINING = {
    "pretrained": Model.Training.PRETRAINED,
    "continuously pretrained": Model.Training.CONTINUED,
    "fine-tuned": Model.Training.FINETUNED,
    "chat models": Model.Training.CHAT,
    "base merges": Model.Training.MERGE,
    "multimodal": Model.Training.MULTIMODAL,
    "other": Model.Training.OTHER,
}
UNKNOWN = frozenset({"", "?", "unknown", "removed", "none"})
"""What the source writes, in any case, where it does not know."""

SHA = re.compile(r"[0-9a-f]{40}")
MOST_PARAMETERS = 10_000
"""Billions; more is a mistake."""

NO_SHA = "The source names no revision."
NO_SIZE = "The source gives no number of parameters that could be one."
NO_DATE = "The source has no submission date."
NO_ARCHITECTURE = "The source names no architecture."

Row = dict[str, Any]


def read(path: Path) -> Source:
    """Everything in the table at `path`; raises SourceError when it is not that table."""
    evaluations: list[Evaluation] = []
    skipped: list[Note] = []
    incomplete: list[Note] = []
    for place, row in enumerate(tables.read(path, COLUMNS), start=1):
        name = row["fullname"]
        if not name:
            skipped.append(Note(f"row {place}", "It names no model."))
        elif not is_model(name):
            skipped.append(Note(ascii(name)[:120], "It is not the name of a model on the Hub."))
        else:
            check_range(path, row)
            evaluations.append(evaluation(row))
            incomplete += [Note(evaluations[-1].key, reason) for reason in gaps(row)]
    check_keys(path, evaluations)
    dates = [one.evaluated_on for one in evaluations if one.evaluated_on]
    return Source(
        name=NAME,
        title=TITLE,
        url=URL,
        as_of=max(dates, default=None),
        digest=hashlib.sha256(path.read_bytes()).hexdigest(),
        whole=True,
        evaluations=evaluations,
        skipped=skipped,
        incomplete=incomplete,
    )


def is_model(name: str) -> bool:
    """Whether the Hub could have a model of this name; the oldest ones, such as gpt2, have no organisation."""
    return HUB_ID.fullmatch(name if "/" in name else f"hub/{name}") is not None


def check_range(path: Path, row: Row) -> None:
    """Raise SourceError for a score that is none."""
    for column, most in [(AVERAGE, 100), *((task.title, 100) for task in SUITE.tasks)]:
        limits(path, row, column, most)
    for task in SUITE.tasks:
        limits(path, row, f"{task.title} Raw", 1)


def limits(path: Path, row: Row, column: str, most: float) -> None:
    value = row[column]
    if value is not None and not 0 <= value <= most:
        raise SourceError(
            f"{path.name}, {row['fullname']} ({row['Precision']}), column {column!r}: {value:g} is not between 0 and "
            f"{most:g}."
        )


def check_keys(path: Path, evaluations: list[Evaluation]) -> None:
    """Raise SourceError when two rows are the same evaluation: nobody could say which one counts."""
    twice = [key for key, times in Counter(one.key for one in evaluations).items() if times > 1]
    if twice:
        shown = ", ".join(twice[:5]) + (f" and {len(twice) - 5} more" if len(twice) > 5 else "")
        raise SourceError(f"{path.name} lists {len(twice)} evaluations more than once: {shown}. Keep one row of each.")


def evaluation(row: Row) -> Evaluation:
    sha = row["Model sha"].lower()
    missing = [task.title for task in SUITE.tasks if row[task.title] is None]
    score = row[AVERAGE] if not missing else None
    reason = ""
    if missing:
        reason = f"The source has no score for {', '.join(missing)}."
    elif score is None:
        reason = "The source has no average."
    return Evaluation(
        key=f"{row['fullname']} {row['Precision']}",
        model=row["fullname"],
        sha=sha if SHA.fullmatch(sha) else "",
        settings={"dtype": row["Precision"], "apply_chat_template": bool(row["Chat Template"])},
        precision=row["Precision"][:20],
        score=score,
        stderr=None,
        unranked_reason=reason,
        tasks={task.task: cell(row, task) for task in SUITE.tasks},
        facts={
            "type": row["Type"],
            "weights": row["Weight type"],
            "co2_kg": row["CO₂ cost (kg)"],
            "generation": row["Generation"],
            "likes": row["Hub ❤️"],
            "parameters_billions": row["#Params (B)"],
        },
        of_model=of_model(row),
        of_revision={"architecture": known(row["Architecture"], 200), "parameters": parameters(row)},
        evaluated_on=row["Submission Date"],
    )


def cell(row: Row, task: TaskSpec) -> Row:
    return {
        "score": row[f"{task.title} Raw"],
        "normalised": row[task.title],
        "stderr": None,
        "n": 0,
        "metric": task.metric,
        "filter": task.filter,
        "unavailable": "" if row[task.title] is not None else "The source has no score for this task.",
    }


def of_model(row: Row) -> Row:
    licence = known(row["Hub License"], 100)
    base = known(row["Base Model"], 200)
    return {
        "licence": licence,
        "licence_family": licences.family(licence),
        "base_model": "" if base == row["fullname"] else base,
        "training": training(row["Type"]),
        "official": row["Official Providers"],
        "merged": row["Merged"],
        "mixture": row["MoE"],
        "flagged": row["Flagged"],
        "available": row["Available on the hub"],
        "likes": None if row["Hub ❤️"] is None else max(0, min(int(row["Hub ❤️"]), 2**31 - 1)),
        "released_on": row["Upload To Hub Date"],
    }


def training(label: str) -> str:
    """The kind of training behind a label such as "🔶 fine-tuned on domain-specific datasets"."""
    words = label.lstrip("".join(character for character in label if not character.isascii()) + " ")
    return next((kind.value for start, kind in TRAINING.items() if words.startswith(start)), "")


def known(text: str, limit: int) -> str:
    """A text that fits its column; "" for what the source writes where it does not know."""
    return "" if text.lower() in UNKNOWN else text[:limit]


def parameters(row: Row) -> int | None:
    """The source gives billions with three decimals, and -1 or 0 where it does not know."""
    billions = row["#Params (B)"]
    return round(billions * 1e9) if billions is not None and 0 < billions < MOST_PARAMETERS else None


def gaps(row: Row) -> list[str]:
    """What a reader would look for and not find."""
    found = []
    missing = [task.title for task in SUITE.tasks if row[task.title] is None]
    if missing:
        found.append(f"The source has no score for {', '.join(missing)}: it is listed without a rank.")
    elif row[AVERAGE] is None:
        found.append("The source has no average: it is listed without a rank.")
    if not SHA.fullmatch(row["Model sha"].lower()):
        found.append(NO_SHA)
    if parameters(row) is None:
        found.append(NO_SIZE)
    if not known(row["Architecture"], 200):
        found.append(NO_ARCHITECTURE)
    if row["Submission Date"] is None:
        found.append(NO_DATE)
    if not known(row["Hub License"], 100):
        found.append("The source names no licence.")
    if row["Upload To Hub Date"] is None:
        found.append("The source has no date of upload.")
    if row["Base Model"].lower() == "removed":
        found.append("The source removed the base model.")
    return found
