"""Runs of starter@1, or of what a test makes of it, in children of their own."""

import atexit
import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from msgspec.structs import replace

from evaluator import run, suites
from evaluator.contract import ModelRef, Settings, SuiteSpec
from evaluator.jobs import unpack_bundle
from evaluator.planner import Plan
from evaluator.suites.bundle import pack, read
from tests.environment import ROOT


class Forks:
    """A process that has imported the harness and forks for each run; started with the first, gone with this one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def status(self, module: str, folder: Path) -> int:
        """How a run of `module` in `folder` ended; negative for a signal."""
        if self._process is None:
            command = [sys.executable, "-m", "tests.evaluator.forks"]
            variables = {**os.environ, "HF_HUB_OFFLINE": "1"}
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([module, str(folder)]) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def end(self) -> None:
        if self._process is not None:
            self._process.communicate()


SUITE, BUNDLE = suites.find("starter@1")
ITEMS = 4
"""Of each task."""
CHAT = Settings(engine="transformers", apply_chat_template=True)
PLAIN = Settings(engine="transformers")
FORKS = Forks()
atexit.register(FORKS.end)


def few(items: int = ITEMS, *, without: str = "") -> SuiteSpec:
    """starter@1 with so few items, and without one of its tasks."""
    tasks = tuple(replace(task, limit=items) for task in SUITE.tasks if task.task != without)
    return replace(SUITE, name="few", tasks=tasks)


def bundle(**changes: tuple[str, str]) -> bytes:
    """Its task files; of the task that a change is named by, one text is another one."""
    assert BUNDLE is not None
    files = read(BUNDLE)
    for task, (before, after) in changes.items():
        body = files[f"{task}.yaml"]
        assert body.count(before.encode()) == 1, (task, before)
        files[f"{task}.yaml"] = body.replace(before.encode(), after.encode())
    return pack(files)


@dataclass
class Runs:
    """Runs one after another in `folder`, of one model that answers slowly, with one journal."""

    folder: Path
    delay: float = 0.0
    count: int = 0
    here: Path = field(init=False)

    def __post_init__(self) -> None:
        self.model.mkdir(parents=True)
        (self.model / "delay").write_text(str(self.delay))
        (self.model / "template").touch()

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    def prepare(
        self, suite: SuiteSpec, files: bytes | None = None, *, settings: Settings = PLAIN, scope: str = "",
        replies: Path | None = None,
    ) -> Path:  # fmt: skip
        """The folder of the next run, with what it is to do."""
        self.count += 1
        self.here = self.folder / str(self.count)
        self.here.mkdir()
        spec = run.RunSpec(
            model=ModelRef(name="o/m", sha="a" * 40), model_path=str(self.model), suite=suite, settings=settings,
            task_files=str(unpack_bundle(files or bundle(), self.here / "tasks")), journal=str(self.journal),
            scope=scope,
        )  # fmt: skip
        if replies is not None:  # as a worker has it: no weights, no journal
            plan = Plan(max_length=128)
            spec = replace(spec, model_path="", journal=None, replies=str(replies), plan=plan)
        run.write(self.here, run.SPEC, spec)
        return self.here

    def end(self, module: str = "slow_engine", suite: SuiteSpec | None = None, *rest: bytes, **how: object) -> int:
        """The exit status of a run of `module`."""
        self.prepare(suite or few(), *rest, **how)  # type: ignore[arg-type]
        return FORKS.status(f"tests.evaluator.{module}", self.here)

    def go(
        self, module: str = "slow_engine", suite: SuiteSpec | None = None, *rest: bytes, **how: object
    ) -> run.Outcome:
        """What a run of `module` measured."""
        assert self.end(module, suite, *rest, **how) == 0, run.log_tail(self.here, limit=3000)
        outcome = run.read_outcome(self.here)
        assert outcome is not None
        return outcome

    def samples(self) -> bytes:
        """Of the newest run."""
        return (self.here / run.SAMPLES).read_bytes()

    def stored(self) -> Path:
        """They, as a site stores them: in two chunks."""
        folder = self.here / "stored"
        folder.mkdir()
        lines = self.samples().splitlines(keepends=True)
        for number, part in enumerate((lines[:7], lines[7:])):
            (folder / f"{number:05d}.jsonl.gz").write_bytes(gzip.compress(b"".join(part)))
        return folder

    def asked(self) -> Counter[str]:
        """How often each request was asked, by task, document and number."""
        file = self.model / ".asked"
        return Counter(file.read_text().splitlines()) if file.exists() else Counter()
