"""Result files of lm-eval 0.4.0 to 0.4.13, one file a run.

    results.json                  0.4.0 to 0.4.2, samples beside it in <model_args>_<task>.jsonl (one JSON array)
    <model>/results_<date>.json   from 0.4.3 on, samples_<task>_<date>.jsonl (one sample a line)
    <stem>_<date>.json            the same with --output_path <stem>.json

Later versions add fields (n-samples and higher_is_better in 0.4.3, the model's name and SHA, sample_len); none that are
read here changed their meaning. What is missing is unknown, never guessed.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evaluator.contract import canonical_json
from leaderboard.imports.evaluations import Note, SourceError
from leaderboard.imports.open_llm_leaderboard import is_model

Json = dict[str, Any]

SHA = re.compile(r"[0-9a-f]{40}")
LARGEST = 256 * 2**20
"""Bytes of a result file; real ones have far less, without their samples."""
NAME_KEYS = ("peft", "delta", "pretrained", "model", "path", "engine")
"""Model arguments that name the model, the more special one first, as lm-eval looks at them."""
DATED = re.compile(r"_(\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}(?:\.\d+)?)\Z")


@dataclass(frozen=True)
class Run:
    """One call of lm-eval: its tables, and how the model was run. `sha` is "" where the run does not say."""

    path: Path
    model: str
    sha: str
    settings: Json
    precision: str
    ran_at: datetime | None
    content: Json

    @property
    def key(self) -> str:
        """Names the model and its settings, not the tasks: files of one key belong together."""
        return f"{self.model} {self.sha or 'unknown'} {hashlib.sha256(canonical_json(self.settings)).hexdigest()[:16]}"

    @property
    def table(self) -> dict[str, Json]:
        """By task or group, lm-eval's row: "acc,none" and so on."""
        return {**self.content["results"], **mapping(self.content.get("groups"))}

    def tops(self) -> list[str]:
        """The tasks and groups that were asked for: those that are in no group."""
        inner = {task for tasks in self.groups().values() for task in tasks}
        return [task for task in self.table if task not in inner]

    def groups(self) -> dict[str, list[str]]:
        return {group: list(tasks) for group, tasks in mapping(self.content.get("group_subtasks")).items() if tasks}

    def leaves(self, task: str, seen: tuple[str, ...] = ()) -> list[str]:
        """The tasks with documents behind a task or group, in lm-eval's order."""
        inner = self.groups().get(task, [])
        if not inner or task in seen:
            return [task]
        return [leaf for one in inner for leaf in self.leaves(one, (*seen, task))]

    def shots(self, leaf: str) -> int | None:
        """How many examples were shown; None where the file does not say."""
        found = mapping(self.content.get("n-shot")).get(leaf)
        return found if isinstance(found, int) else None

    def counts(self, leaf: str) -> tuple[int, int] | None:
        """(items that there are, items that were evaluated); None where the file does not say."""
        found = mapping(mapping(self.content.get("n-samples")).get(leaf))
        original, effective = found.get("original"), found.get("effective")
        return (original, effective) if isinstance(original, int) and isinstance(effective, int) else None

    @property
    def limit(self) -> float | None:
        """lm-eval's --limit: items of each task, or below 1 a share of them."""
        found = mapping(self.content.get("config")).get("limit")
        return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None

    def samples(self, leaf: str) -> Path | None:
        """The file with the samples of a task, if it is there."""
        dated = DATED.search(self.path.stem)
        names = [f"samples_{leaf}_{dated[1]}.jsonl"] if dated else []
        arguments = mapping(self.content.get("config")).get("model_args")
        if isinstance(arguments, str):
            names += [re.sub(pattern, "__", arguments) + f"_{leaf}.jsonl" for pattern in (r"/|=", r'["<>:/|\\?*\[\]]+')]
        return next((self.path.parent / name for name in names if (self.path.parent / name).is_file()), None)


def find(paths: list[Path], *, name: str = "") -> tuple[list[Run], list[Note]]:
    """The runs in `paths` (files, or folders with everything below), oldest first; `name` is the model's if given.

    Raises SourceError for a path that is not there and for a named file that is no result of lm-eval; what a folder
    holds besides is noted.
    """
    runs: list[Run] = []
    skipped: list[Note] = []
    for path in paths:
        if not path.exists():
            raise SourceError(f"{path} is not there. Check the path.")
        for file in sorted(path.rglob("*.json")) if path.is_dir() else [path]:
            try:
                run = read(file, name=name)
            except SourceError as error:
                if not path.is_dir():
                    raise
                skipped.append(Note(file.name, str(error)))
                continue
            if not is_model(run.model):
                shown = ascii(run.model)[:100]
                skipped.append(Note(file.name, f"Its model is called {shown}. Say which one it is: --model org/name."))
            elif file.resolve() not in {one.path.resolve() for one in runs}:
                runs.append(run)
    return sorted(runs, key=lambda run: (run.ran_at is not None, run.ran_at, run.path.name)), skipped


def read(path: Path, *, name: str = "") -> Run:
    """One result file; raises SourceError."""
    try:
        if path.stat().st_size > LARGEST:
            raise SourceError(f"{path.name} has more than {LARGEST:,} bytes; it is no result of lm-eval.")
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise SourceError(f"{path.name} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{path.name} is not JSON: {str(error)[:200]}.") from error
    if not isinstance(content, dict) or not is_tables(content.get("results")) or not is_tables(content.get("configs")):
        raise SourceError(f"{path.name} is no result of lm-eval 0.4: it lacks the tables results and configs.")
    config = mapping(content.get("config"))
    arguments = model_arguments(config.get("model_args"))
    dtype = config.get("model_dtype") or arguments.get("dtype") or "auto"
    precision = str(dtype).removeprefix("torch.")[:20]
    sha = next((str(one) for one in (config.get("model_sha"), arguments.get("revision")) if is_sha(one)), "")
    return Run(
        path=path,
        model=name or named(content, arguments),
        sha=sha,
        settings=settings(content, config, precision),
        precision="" if precision == "auto" else precision,
        ran_at=moment(content.get("date")),
        content=content,
    )


def named(content: Json, arguments: Mapping[str, Any]) -> str:
    found = content.get("model_name") or next((arguments[key] for key in NAME_KEYS if arguments.get(key)), "")
    return str(found)


def settings(content: Json, config: Mapping[str, Any], precision: str) -> Json:
    """How the model was run, as far as two runs with other values could not be compared."""
    found = {
        "engine": str(config.get("model") or content.get("model_source") or ""),
        "dtype": precision,
        "apply_chat_template": bool(content.get("chat_template")),
        "fewshot_as_multiturn": bool(content.get("fewshot_as_multiturn")),
        "system_instruction": content.get("system_instruction_sha"),
        "gen_kwargs": config.get("gen_kwargs"),
    }
    always = {"dtype", "apply_chat_template"}
    return {name: value for name, value in found.items() if value or name in always}


def model_arguments(value: Any) -> Json:
    """lm-eval's model_args: a mapping, or in older files a text such as "pretrained=org/name,dtype=float32"."""
    if isinstance(value, str):
        return dict(pair.split("=", 1) for pair in value.split(",") if "=" in pair)
    return mapping(value)


def mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def is_tables(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(row, dict) for row in value.values())


def is_sha(value: Any) -> bool:
    return isinstance(value, str) and SHA.fullmatch(value) is not None


def moment(value: Any) -> datetime | None:
    """Seconds since 1970, as lm-eval writes them from 0.4.2 on."""
    try:
        return datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else None
    except (ValueError, OverflowError, OSError):
        return None


def lines(path: Path) -> Iterator[Json]:
    """The samples in a file, one a line or, from older versions, as one array; raises SourceError."""
    try:
        with path.open(encoding="utf-8") as file:
            if file.read(1) == "[":
                file.seek(0)
                yield from (mapping(sample) for sample in json.load(file))
                return
            file.seek(0)
            for line in file:
                if line.strip():
                    yield mapping(json.loads(line))
    except (OSError, ValueError, RecursionError) as error:
        raise SourceError(f"{path.name} cannot be read as samples of lm-eval: {str(error)[:200]}.") from error
