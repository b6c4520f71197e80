"""A company's log of questions to its assistant, made of real ones: GSM8K, IFEval, BBH and OpenBookQA, mixed.

Columns have names that no guess knows, as in a log from somebody's database, so that whoever uploads it has to say
which is which. What the log accepts are patterns of whole words (`No` is not in "nobody knows"), a way of scoring that
all four share.
"""

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet

SHARES = {"science": 0.4, "checks": 0.34, "writing": 0.16, "sums": 0.1}
"""How much of the log each kind is: OpenBookQA, BBH, IFEval, GSM8K."""
YES_OR_NO = ("navigate", "sports_understanding", "boolean_expressions", "web_of_lies")
ANSWER_TOKENS = {"science": 24, "checks": 24, "writing": 48, "sums": 48}
COLUMNS = {
    "customer_wrote": "Prompt",
    "accepted": "Reference: the right answer",
    "bot_said": "Output: today’s answer",
    "queue": "Tags",
    "sampling": "Settings",
    "ticket": "Id",
}
"""What whoever uploads it says of each column."""
Row = dict[str, Any]


def log(hub: Path, n: int, *, seed: int = 8) -> list[Row]:
    """n rows in the order in which they came, which is no order of kinds. The same for the same seed.

    `bot_said` is what a bot in production answered: right in two of three.
    """
    chance = random.Random(seed)
    rows: list[Row] = []
    for kind, share in SHARES.items():
        found = list(KINDS[kind](hub))
        chance.shuffle(found)
        rows += [
            {"customer_wrote": prompt, "accepted": [pattern(one) for one in right], "queue": [kind, *more],
             "sampling": {"max_tokens": ANSWER_TOKENS[kind]},
             "bot_said": right[0] if chance.random() < 2 / 3 else "I have to ask a colleague."}
            for prompt, right, more in found[: round(share * n)]
        ]  # fmt: skip
    chance.shuffle(rows)
    return [{"ticket": f"T-{1000 + number}", **row} for number, row in enumerate(rows)]


def pattern(right: str) -> str:
    """RE2 for an answer that holds these words as they are, capitals aside."""
    edges = [r"\b" * (right[at].isalnum()) for at in (0, -1)]
    words = " ".join(map(re.escape, right.split(" ")))
    return f"(?i){edges[0]}{words}{edges[1]}"


def written(rows: list[Row], path: Path) -> Path:
    """As the file that is uploaded: JSON lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return path


Made = Iterator[tuple[str, list[str], list[str]]]
"""A prompt, what is right, and tags."""


def science(hub: Path) -> Made:
    for row in table(hub, "allenai/openbookqa/main/test"):
        choices = dict(zip(row["choices"]["label"], row["choices"]["text"], strict=True))
        listed = "\n".join(f"- {text}" for text in choices.values())
        prompt = f"{row['question_stem']}\n{listed}\nAnswer with the one that is right, and nothing else."
        yield prompt, [choices[row["answerKey"]]], []


def checks(hub: Path) -> Made:
    for name in YES_OR_NO:
        for row in table(hub, f"SaylorTwift/bbh/{name}/test"):
            words = "True or False" if name == "boolean_expressions" else "Yes or No"
            yield f"{row['input']}\nAnswer {words}.", [row["target"]], [name.replace("_", " ")]


def writing(hub: Path) -> Made:
    """Those whose first rule a part of the answer shows: a title in << >>, a prompt said again, words to use."""
    for line in (hub / "datasets/google/IFEval/ifeval_input_data.jsonl").read_text().splitlines():
        row = json.loads(line)
        rule, told = row["instruction_id_list"][0], row["kwargs"][0]
        if rule == "detectable_format:title":
            yield row["prompt"], ["<<"], ["title"]
        elif rule == "combination:repeat_prompt":
            yield row["prompt"], [" ".join(told["prompt_to_repeat"].split()[:6])], ["say again"]
        elif rule == "keywords:existence":
            yield row["prompt"], list(told["keywords"]), ["words to use"]


def sums(hub: Path) -> Made:
    for row in table(hub, "openai/gsm8k/main/test"):
        yield row["question"], [row["answer"].rpartition("####")[2].strip()], []


KINDS = {"science": science, "checks": checks, "writing": writing, "sums": sums}


def table(hub: Path, name: str) -> list[Row]:
    found: list[Row] = pyarrow.parquet.read_table(hub / "datasets" / f"{name}-00000-of-00001.parquet").to_pylist()
    return found
