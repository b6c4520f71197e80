"""Data sets of the frontier suite in the Hub's layout, a few made-up rows each, with the columns that lm-eval reads."""

import json
from pathlib import Path
from typing import Any

Row = dict[str, Any]

CATEGORIES = (
    *("biology", "business", "chemistry", "computer science", "economics", "engineering", "health", "history", "law"),
    *("math", "other", "philosophy", "physics", "psychology"),
)
EXAMPLES = 5
"""MMLU-Pro shows as many of each category."""


def write(mirror: Path, *, without: tuple[str, ...] = ()) -> Path:
    """All data sets but those named in `without`; returns the mirror."""
    for name, splits in DATA.items():
        if name not in without:
            dataset(mirror / "datasets" / name, splits)
    return mirror


def dataset(folder: Path, splits: dict[tuple[str, str], list[Row]]) -> None:
    """One data set: (config, split) -> rows."""
    folder.mkdir(parents=True)
    configs: dict[str, list[Row]] = {}
    for (config, split), rows in splits.items():
        file = f"{config}-{split}.jsonl"
        (folder / file).write_text("".join(json.dumps(row) + "\n" for row in rows))
        configs.setdefault(config, []).append({"split": split, "path": file})
    head = {"configs": [{"config_name": config, "data_files": files} for config, files in configs.items()]}
    (folder / "README.md").write_text(f"---\n{json.dumps(head)}\n---\n")


def mmlu_pro(split: str, category: str, number: int) -> Row:
    return {
        "question_id": number,
        "question": f"Which number is {number}, in {category} ({split})?",
        "options": [str(number + place) for place in range(10)],
        "answer": "A",
        "answer_index": 0,
        "cot_content": "A: Let's think step by step. It is itself. The answer is (A).",
        "category": category,
        "src": "made up",
    }


GPQA = [
    {
        "Question": f"What is twice {number}?",
        "Correct Answer": f"{2 * number}",
        "Incorrect Answer 1": f"{2 * number + 1}",
        "Incorrect Answer 2": f"{2 * number + 3}",
        "Incorrect Answer 3": f"{2 * number + 5}",
    }
    for number in (11, 23)
]
AIME = [
    {"problem": f"Find the remainder of {n} + 900 divided by 1000.", "answer": str(n + 900), "id": n} for n in (7, 8)
]
MATH = [
    {
        "problem": f"What is half of {number}?",
        "solution": f"It is $\\boxed{{\\frac{{{number}}}{{2}}}}$.",
        "answer": f"\\frac{{{number}}}{{2}}",
        "subject": "Algebra",
        "level": 1,
        "unique_id": f"made/{number}",
    }
    for number in (3, 5)
]
CODE = [
    {
        "task_id": f"HumanEval/{number}",
        "prompt": f'def add_{number}(x):\n    """x plus {number}"""\n',
        "canonical_solution": f"    return x + {number}\n",
        "entry_point": f"add_{number}",
        "test": f"def check(candidate):\n    assert candidate(1) == {1 + number}\n",
    }
    for number in (1, 2)
]
IFEVAL = [
    {
        "key": 1,
        "prompt": "Name a colour in exactly 2 sentences.",
        "instruction_id_list": ["length_constraints:number_sentences"],
        "kwargs": [{"num_sentences": 3, "relation": "less than"}],
    },
    {
        "key": 2,
        "prompt": "Name a colour with one word in capitals.",
        "instruction_id_list": ["change_case:capital_word_frequency"],
        "kwargs": [{"capital_frequency": 1, "capital_relation": "at least"}],
    },
]
"""Both are judged with nltk's punkt_tab."""

DATA: dict[str, dict[tuple[str, str], list[Row]]] = {
    "TIGER-Lab/MMLU-Pro": {
        ("default", "test"): [mmlu_pro("test", one, number) for one in CATEGORIES for number in (1, 2)],
        ("default", "validation"): [mmlu_pro("example", one, n) for one in CATEGORIES for n in range(EXAMPLES)],
    },
    "Idavidrein/gpqa": {("gpqa_diamond", "train"): GPQA},
    "math-ai/aime25": {("default", "test"): AIME},
    "HuggingFaceH4/MATH-500": {("default", "test"): MATH},
    "evalplus/humanevalplus": {("default", "test"): CODE},
    "google/IFEval": {("default", "train"): IFEVAL},
}
