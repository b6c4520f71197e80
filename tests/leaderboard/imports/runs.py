"""Files as lm-eval writes them, in the form of its older and newer versions."""

import json
import re
from pathlib import Path
from typing import Any

DATE = "2025-01-02T03-04-05.678901"
ITEMS = 4
LEAVES = {"alpha": ["alpha"], "beta": ["beta_one", "beta_two"]}
"""The tasks of the suite tiny@1; beta is a group here."""


def sample(task: str, index: int, filter_: str, score: float, *, old: bool) -> dict[str, Any]:
    metric = "acc" if task == "alpha" else "exact_match"
    made = {
        "doc_id": index, "doc": {"question": f"{task} {index}", "answer": 1}, "target": "1", "arguments": {},
        "resps": [["x"]], "filtered_resps": ["x"], metric: score,
    }  # fmt: skip
    return made if old else made | {"filter": filter_, "metrics": [metric], "doc_hash": "0" * 64}


def scores(task: str) -> list[float]:
    return [float(index < 2 + (task == "beta_one")) for index in range(ITEMS)]


def samples(task: str, *, old: bool) -> list[dict[str, Any]]:
    """Every document once for each filter, the filters one after another; the first filter of beta never counts."""
    if task == "alpha":
        return [sample(task, index, "none", score, old=old) for index, score in enumerate(scores(task))]
    wrong = [sample(task, index, "loose", 0.0, old=old) for index in range(ITEMS)]
    return wrong + [sample(task, index, "strict", score, old=old) for index, score in enumerate(scores(task))]


def results(**changes: Any) -> dict[str, Any]:
    """The content of a result file of version 0.4.13; a change of None removes a field."""
    beta = {"exact_match,loose": 0.0, "exact_match,strict": 0.625, "exact_match_stderr,strict": 0.18}
    filters = [{"name": "loose", "filter": []}, {"name": "strict", "filter": []}]
    leaf = {"output_type": "generate_until", "filter_list": filters}
    made = {
        "results": {
            "alpha": {"alias": "alpha", "acc,none": 0.5, "acc_stderr,none": 0.28},
            "beta": {"alias": "beta", **beta},
            "beta_one": {"alias": " - beta_one", **beta},
            "beta_two": {"alias": " - beta_two", **beta},
        },
        "groups": {"beta": {"alias": "beta", **beta}},
        "group_subtasks": {"beta": ["beta_one", "beta_two"], "alpha": []},
        "configs": {"alpha": {"output_type": "multiple_choice"}, "beta_one": leaf, "beta_two": leaf},
        "versions": {"alpha": 1.0, "beta_one": 2.0},
        "n-shot": {"alpha": 0, "beta_one": 0, "beta_two": 0},
        "higher_is_better": {"alpha": {"acc": True}, "beta": {"exact_match": True}},
        "n-samples": {name: {"original": ITEMS, "effective": ITEMS} for name in ("alpha", "beta_one", "beta_two")},
        "config": {
            "model": "hf", "model_args": "pretrained=org/model,dtype=float32", "model_dtype": "torch.float32",
            "model_sha": "c" * 40, "limit": None, "gen_kwargs": None,
        },
        "date": 1735787045.5,
        "lm_eval_version": "0.4.13",
        "model_name": "org/model",
        "chat_template": None,
    }  # fmt: skip
    made.update(changes)
    return {key: value for key, value in made.items() if value is not None}


def new_run(folder: Path, *, date: str = DATE, with_samples: bool = True, **changes: Any) -> Path:
    """A run as 0.4.3 to 0.4.13 write it; the path of its results."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"results_{date}.json"
    path.write_text(json.dumps(results(**changes), indent=2), encoding="utf-8")
    for task in ("alpha", "beta_one", "beta_two") if with_samples else ():
        lines = (json.dumps(one, ensure_ascii=False) + "\n" for one in samples(task, old=False))
        (folder / f"samples_{task}_{date}.jsonl").write_text("".join(lines), encoding="utf-8")
    return path


def old_run(folder: Path) -> Path:
    """A run as 0.4.0 wrote it: fewer fields, one name for all results, and samples as arrays without filters."""
    folder.mkdir(parents=True, exist_ok=True)
    later = ("n-samples", "higher_is_better", "date", "lm_eval_version", "model_name", "chat_template")
    arguments = "pretrained=org/model,dtype=float32"
    content = results(**dict.fromkeys(later), config={"model": "hf", "model_args": arguments, "limit": None})
    path = folder / "results.json"
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")
    prefix = re.sub("/|=", "__", arguments)
    for task in ("alpha", "beta_one", "beta_two"):
        (folder / f"{prefix}_{task}.jsonl").write_text(json.dumps(samples(task, old=True), indent=2), encoding="utf-8")
    return path
