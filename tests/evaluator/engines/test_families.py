"""Every family that a leaderboard meets goes through an evaluation, in float32, in each engine that can run it here.

The table in evaluator/engines/README.md says which can; it is compared with what happened. `make families` runs all of
them; `make test` a slice that has routed experts, latent attention, attention sinks, and what one engine refuses.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace
from transformers import AutoConfig

from evaluator import run, suites
from evaluator.contract import ModelRef, Sample, Settings, decode_sample
from evaluator.engines import environment
from evaluator.jobs import unpack_bundle
from evaluator.mirror import MirrorFolder
from evaluator.model_facts import describe
from evaluator.planner import plans
from leaderboard.actions.validate import check_runnable
from tests.environment import ROOT
from tests.evaluator.engines.families import FAMILIES, write
from tests.evaluator.engines.family_table import TABLE, chosen

pytestmark = pytest.mark.engine

ITEMS = 3
TOLERANCE = 1e-4
"""Between two engines' log-likelihoods of a continuation: float32 by different kernels, measured up to 1e-5."""
LOOSER = {"deepseek_v3": 2e-2}
"""By vLLM's own kernel for latent attention on CPU: measured up to 6e-3."""
ENGINES = ("vllm", "transformers")
SLICE = ("qwen3_5_moe", "deepseek_v3", "gpt_oss")
RUN = chosen(SLICE)
SUITE, BUNDLE = suites.find("starter@1")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory, demo_mirror: Path) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("checkpoints")
    tokenizer = demo_mirror / "models" / "parity-demo" / "SmolLM2-135M-Instruct-Q4_1"
    return {name: write(name, folder / name, tokenizer) for name in FAMILIES}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, checkpoints: dict[str, Path]) -> dict[tuple[str, str], Path]:
    """The run's folder by family and engine."""
    place = tmp_path_factory.mktemp("families")
    assert BUNDLE is not None
    task_files = unpack_bundle(BUNDLE, place / "tasks")
    folders = {}
    for name in RUN:
        checkpoint = checkpoints[name]
        for engine in ENGINES:
            folders[name, engine] = folder = place / f"{name}-{engine}"
            folder.mkdir()
            settings = Settings(engine=engine, dtype="float32")
            plan, _ = plans(checkpoint, name, settings, {})
            spec = run.RunSpec(
                model=ModelRef(name=f"tiny/{name}", sha="a" * 40),
                model_path=str(checkpoint),
                suite=replace(SUITE, tasks=tuple(replace(task, limit=ITEMS) for task in SUITE.tasks)),
                settings=settings,
                task_files=str(task_files),
                plan=plan,
            )
            run.write(folder, run.SPEC, spec)
    command = [sys.executable, "-m", "tests.evaluator.engines.in_turn", *map(str, folders.values())]
    variables = {**environment.for_child(), "HF_HUB_OFFLINE": "1"}
    with (place / "log").open("wb") as log:
        subprocess.run(command, cwd=ROOT, env=variables, stdout=log, stderr=log, timeout=1500, check=False)
    return folders


def samples(folder: Path) -> list[Sample]:
    return [decode_sample(line) for line in (folder / run.SAMPLES).read_bytes().splitlines()]


@pytest.mark.timeout(1600)
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", RUN)
def test_the_table_says_what_happens(runs: dict[tuple[str, str], Path], name: str, engine: str) -> None:
    folder, said = runs[name, engine], getattr(TABLE[name], engine)
    status, log = (folder / "status").read_text(), run.log_tail(folder, limit=100_000)
    if said != "yes":
        reason = re.fullmatch(r"no: `(.+)`", said)
        assert reason and status != "0", f"the table says {said!r} of {name} in {engine}, which ended with {status}"
        assert reason[1] in log, log[-2000:]
        return
    assert status == "0", log[-3000:]
    outcome = run.read_outcome(folder)
    assert outcome is not None
    assert {task.task: task.n for task in outcome.tasks} == {task.task: ITEMS for task in SUITE.tasks}
    assert outcome.provenance["dtype"] == "float32" or outcome.provenance["dtype"] == "torch.float32"
    kept = samples(folder)
    assert len(kept) == ITEMS * len(SUITE.tasks)
    generated = [sample for sample in kept if len(sample.prompts) == 1]
    assert len(generated) == 2 * ITEMS and all(sample.responses for sample in kept)


@pytest.mark.timeout(1600)
@pytest.mark.parametrize("name", [name for name in RUN if TABLE[name].vllm == TABLE[name].transformers == "yes"])
def test_both_engines_give_the_same_answers(runs: dict[tuple[str, str], Path], name: str) -> None:
    here, there = (samples(runs[name, engine]) for engine in ENGINES)
    differences = []
    for one, other in zip(here, there, strict=True):
        assert (one.item_hash, one.prompts, one.scores) == (other.item_hash, other.prompts, other.scores)
        if len(one.prompts) == 1:
            assert one.responses == other.responses, (name, one.task, one.doc_id)
            continue
        for first, second in zip(one.responses, other.responses, strict=True):
            (a, greedy), (b, also) = ast.literal_eval(first), ast.literal_eval(second)
            assert greedy == also
            differences.append(abs(a - b))
    print(f"{name}: log-likelihoods of the engines differ by at most {max(differences):.1e}")
    assert max(differences) < LOOSER.get(name, TOLERANCE)


def test_every_family_is_in_the_table_with_its_architecture(checkpoints: dict[str, Path]) -> None:
    architectures = {name: AutoConfig.from_pretrained(path).architectures[0] for name, path in checkpoints.items()}
    assert {name: row.architecture.strip("`") for name, row in TABLE.items()} == architectures


@pytest.mark.parametrize("name", FAMILIES)
def test_the_site_accepts_it_and_knows_its_size(checkpoints: dict[str, Path], name: str) -> None:
    facts = describe(MirrorFolder(f"tiny/{name}", checkpoints[name]), sha="a" * 40, source="mirror")
    check_runnable(facts, Settings(apply_chat_template=True))
    assert facts.parameters is not None and facts.active_parameters is not None
    routed = name in ("llama4", "qwen3_5_moe", "mistral4", "deepseek_v3", "gpt_oss")
    assert (facts.active_parameters < facts.parameters) == routed
    assert facts.context_length == 2048
