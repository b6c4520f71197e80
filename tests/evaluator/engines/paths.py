"""`make paths`: `fast`, `strict` and lm-eval's own model class on the same items, for several architectures.

Real tasks of ../shared/hub, every kind of request, a process for each architecture. In float32 everything has to be
equal but the last digits of log-likelihoods. In bfloat16 the difference of the paths stands beside that of the stock
path from itself, with its requests in another order, and beside how far each is from float32. Prints a table; the last
line is one JSON object. Ends with status 1 where float32 is not equal. Names of models on the command line choose them.
"""

import ast
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from evaluator import hub, run
from evaluator.contract import ModelRef, Sample, Settings, SuiteSpec, TaskSpec, decode_sample
from evaluator.engines import environment
from evaluator.planner import plans
from leaderboard.demo import journey
from tests.environment import ROOT, SHARED
from tests.evaluator.engines.families import write
from tests.evaluator.engines.stock_asked import ASKED, TABLE, Asked

Tasks = tuple[tuple[str, int | None, int], ...]

TASKS: Tasks = (
    ("mmlu_abstract_algebra", 2, 6),
    ("arc_easy", 2, 6),
    ("wikitext", None, 1),
    ("bbh_fewshot_boolean_expressions", None, 6),
)
"""Choices of one token, choices of several, a rolling one, texts; with few-shot examples (None: the task's own) and
documents."""
FEW: Tasks = tuple((task, shots, min(documents, 3)) for task, shots, documents in TASKS)
LONGEST = 1024
"""Tokens of context: the rolling document has two windows."""
REAL = "SmolLM2"
MODELS = (REAL, "gemma3", "olmo3", "gpt_oss")
"""A Llama with its real weights; the others are random (tests.evaluator.engines.families)."""
WAYS = ("fast", "strict", "stock")
HALF = ("fast", "stock", "stock, reordered")
"""In bfloat16, of the real one."""
TOLERANCE = 1e-3
"""Of a log-likelihood in float32: a rolling one has a thousand terms."""


@dataclass(frozen=True)
class Found:
    """What one way gave: lm-eval's metrics by task, its samples, and what the result says of how it was made."""

    table: dict[str, dict[str, Any]]
    samples: list[Sample]
    provenance: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Difference:
    """Between two ways, of one task. `flips`: documents with another likeliest choice; `greedy` and `texts`: answers
    with another flag or text; `largest` and `mean`: of the log-likelihoods' differences; None where there are none."""

    task: str
    answers: int
    metrics: bool
    flips: int
    greedy: int
    texts: int
    largest: float | None
    mean: float | None

    @property
    def equal(self) -> bool:
        """But for the last digits."""
        same = self.metrics and not (self.flips or self.greedy or self.texts)
        return same and (self.largest is None or self.largest < TOLERANCE)


def answers(
    name: str, model: Path, place: Path, *, dtype: str = "float32", ways: Iterable[str] = WAYS, tasks: Tasks = TASKS
) -> dict[str, Found]:
    """What each way answers, with one engine after the other in one process; raises AssertionError with the log."""
    place.mkdir()
    folders = {way: place / way.replace(", ", "-") for way in ways}
    for way, folder in folders.items():
        folder.mkdir()
        prepare(folder, name, model, way, dtype, tasks)
    command = [sys.executable, "-m", "tests.evaluator.engines.in_turn", *map(str, folders.values())]
    datasets = hub.merge_datasets([SHARED / "hub"], place / "datasets").resolve()
    variables = {**environment.for_child(), "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT)}
    with (place / "log").open("wb") as log:
        subprocess.run(command, cwd=datasets, env=variables, stdout=log, stderr=log, timeout=840, check=False)
    for way, folder in folders.items():
        status = folder / "status"
        assert status.exists() and status.read_text() == "0", f"{name}, {way}: {run.log_tail(folder, limit=3_000)}"
    return {way: found_in(folder) for way, folder in folders.items()}


def prepare(folder: Path, name: str, model: Path, way: str, dtype: str, tasks: Tasks) -> None:
    """Write what `in_turn` does there."""
    if way.startswith("stock"):
        order = 1 if way != "stock" else None
        asked = Asked(model=str(model), dtype=dtype, longest=LONGEST, tasks=tasks, order=order)
        (folder / ASKED).write_bytes(msgspec.json.encode(asked))
        return
    settings = Settings(dtype=dtype, max_length=LONGEST)  # type: ignore[arg-type]
    listed = [TaskSpec(task=task, title=task, metric="", num_fewshot=shots, limit=n) for task, shots, n in tasks]
    spec = run.RunSpec(
        model=ModelRef(name=f"tiny/{name}", sha="a" * 40), model_path=str(model), settings=settings,
        plan=plans(model, name, settings, {})[0], scoring="fast" if way == "fast" else "strict",
        suite=SuiteSpec(name="paths", version=1, title="Paths", tasks=tuple(listed)),
    )  # fmt: skip
    run.write(folder, run.SPEC, spec)


def found_in(folder: Path) -> Found:
    samples = [decode_sample(line) for line in (folder / run.SAMPLES).read_bytes().splitlines()]
    if (folder / TABLE).exists():
        return Found(json.loads((folder / TABLE).read_text()), samples)
    outcome = run.read_outcome(folder)
    assert outcome is not None
    table = {task: {key: value for key, value in row.items() if "," in key} for task, row in outcome.table.items()}
    return Found(table, samples, outcome.provenance)


def differences(one: Found, other: Found) -> Iterator[Difference]:
    """Task by task; raises AssertionError where other items or prompts were asked."""
    for task, _, _ in TASKS:
        here, there = ([sample for sample in found.samples if sample.task == task] for found in (one, other))
        asked = [[(sample.item_hash, sample.prompts) for sample in samples] for samples in (here, there)]
        assert asked[0] == asked[1] != [], task
        pairs = [
            [(read(a), read(b)) for a, b in zip(first.responses, second.responses, strict=True)]
            for first, second in zip(here, there, strict=True)
        ]
        flat = [pair for document in pairs for pair in document]
        numbers = [(a, b) for a, b in flat if not isinstance(a, str)]
        apart = [abs(a[0] - b[0]) for a, b in numbers]
        yield Difference(
            task=task,
            answers=len(flat),
            metrics=same_metrics(one.table[task], other.table[task]),
            flips=sum(likeliest(a for a, _ in document) != likeliest(b for _, b in document) for document in pairs),
            greedy=sum(a[1] != b[1] for a, b in numbers),
            texts=sum(a != b for a, b in flat if isinstance(a, str)),
            largest=max(apart, default=None),
            mean=sum(apart) / len(apart) if apart else None,
        )


def read(response: str) -> str | tuple[float, bool]:
    """A log-likelihood and whether it is greedy (a rolling one is never), or a text as it is."""
    try:
        value = ast.literal_eval(response)
    except (ValueError, SyntaxError):
        return response
    if isinstance(value, tuple):
        return value
    return (value, False) if isinstance(value, float) else response


def likeliest(document: Iterable[str | tuple[float, bool]]) -> int:
    """The number of a document's likeliest choice; 0 for a text."""
    scores = [one[0] for one in document if not isinstance(one, str)]
    return scores.index(max(scores)) if scores else 0


def same_metrics(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether all values are equal; a perplexity, which is no count of items, up to its last digits."""
    close = {key for key in one if "perplexity" in key or "bits_per" in key}
    return one.keys() == other.keys() and all(
        abs(one[key] - other[key]) <= 1e-5 * abs(one[key]) if key in close and isinstance(one[key], float)
        else one[key] == other[key]
        for key in one
    )  # fmt: skip


def models_in(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    """Each model's checkpoint; the random ones are written into `folder`."""
    mirror = ROOT / ".parity" / "mirror"
    subprocess.run([sys.executable, "-m", "evaluator.engines.gguf", str(mirror)], check=True, cwd=ROOT)
    real = mirror / "models" / journey.MODEL
    return {name: real if name == REAL else write(name, folder / name, real) for name in names}


def show(model: str, dtype: str, ways: str, rows: Iterable[Difference]) -> list[dict[str, Any]]:
    """Print lines of the table; returns them for the report."""
    told = []
    for row in rows:
        size = "" if row.largest is None else f"{row.largest:10.1e}{row.mean:10.1e}"
        metrics = "equal" if row.metrics else "differ"
        counts = f"{row.answers:>3} {metrics:<7}{row.flips:>3}{row.texts:>3}"
        print(f"{model:<9}{dtype:<10}{ways:<28}{row.task:<33}{counts}{size}", flush=True)
        told.append({"model": model, "dtype": dtype, "ways": ways, **asdict(row), "equal": row.equal})
    return told


def compared(names: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Print and give every line of the table."""
    with tempfile.TemporaryDirectory(prefix="parity-paths-") as folder:
        models = models_in(Path(folder), names)
        for name, model in models.items():
            found = answers(name, model, Path(folder) / f"{name}-float32")
            for way in ("fast", "strict"):
                yield from show(name, "float32", f"{way} - stock", differences(found[way], found["stock"]))
            if name != REAL:
                continue
            half = answers(name, model, Path(folder) / "bfloat16", dtype="bfloat16", ways=HALF)
            for one in ("fast", "stock, reordered"):
                yield from show(name, "bfloat16", f"{one} - stock", differences(half[one], half["stock"]))
            for way in HALF:
                yield from show(name, "bfloat16", f"{way} - float32", differences(half[way], found["stock"]))


def main(names: Iterable[str]) -> int:
    if not (SHARED / "hub").is_dir():
        sys.exit("make paths needs the real benchmark data in ../shared/hub")
    print(f"{'model':<9}{'dtype':<10}{'ways':<28}{'task':<33}answers, metrics, flips, texts, largest, mean", flush=True)
    rows = list(compared(names))
    equal = all(row["equal"] for row in rows if row["dtype"] == "float32")
    print(json.dumps({"equal": equal, "tolerance": TOLERANCE, "longest": LONGEST, "rows": rows}))
    return 0 if equal else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or MODELS))
