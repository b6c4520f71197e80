"""Every program as its Dockerfile and compose.yaml start it, told wrong variables: words, and status 2."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.docker.dockerfiles import DOCKER, Stage
from tests.docker.test_compose import SERVICES
from tests.docker.test_dockerfiles import last_stage_of, target, words
from tests.environment import ROOT
from tests.stack import free_port

pytestmark = pytest.mark.slow

SITE: Stage = last_stage_of("site.Dockerfile")
WEB = words(SITE.all("CMD")[-1])
PROGRAMS = {
    "site": WEB,
    **{
        name: one["command"]
        for name, one in SERVICES.items()
        if one["image"].startswith("parity-site") and "command" in one
    },
}
GIVEN = {
    "PARITY_URL": "https://parity.example.org", "PARITY_SECRET_KEY": "s" * 50, "PARITY_WORKER_TOKEN": "w" * 50,
    "DATABASE_URL": "postgresql://u:p@127.0.0.1:1/none", "REDIS_URL": "redis://site:p@127.0.0.1:1/0",
}  # fmt: skip


def started(command: list[str], state: Path, **variables: str) -> subprocess.Popen[str]:
    """An image's program, with no other variables than an image has and these."""
    mine = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {"PATH": mine, "PARITY_STATE": str(state), "PYTHONPATH": str(ROOT), **variables}
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def of_the_site(program: list[str]) -> list[str]:
    entry, script = words(SITE.all("ENTRYPOINT")[-1])
    return [entry, str(DOCKER / script), *program]


def refused(command: list[str], state: Path, **variables: str) -> str:
    with started(command, state, **variables) as process:
        said, error = process.communicate(timeout=60)
    assert process.returncode == 2, said + error
    assert "Traceback" not in said + error
    return error


def test_the_programs_are_these() -> None:
    assert set(PROGRAMS) == {"site", "site-worker", "notifier", "scheduler", "migrate", "backup"}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_of_the_site_names_what_is_missing(name: str, tmp_path: Path) -> None:
    error = refused(of_the_site(PROGRAMS[name]), tmp_path, **{**GIVEN, "PARITY_SECRET_KEY": ""})
    assert error.startswith("error: PARITY_SECRET_KEY is not set. Production needs it: ")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        *((missing, "") for missing in ("PARITY_URL", "PARITY_WORKER_TOKEN", "DATABASE_URL", "REDIS_URL")),
        *(("PARITY_URL", "parity.example.org"), ("DATABASE_URL", "mysql://u:hidden@x/y")),
        *(("REDIS_URL", "redis://u:hidden@x:port/0"), ("REDIS_URL", "redis://"), ("PARITY_HUB_MIRROR", "/none")),
    ],
)
def test_what_is_missing_or_wrong_is_told_with_an_example(variable: str, value: str, tmp_path: Path) -> None:
    error = refused(of_the_site(WEB), tmp_path, **{**GIVEN, variable: value})
    assert error.startswith(f"error: {variable}") and "hidden" not in error
    assert any(word in error for word in ("such as", "Example", "postgresql://user:", "set it to", "mount it"))


def test_told_right_the_entry_point_becomes_the_program(tmp_path: Path) -> None:
    port = free_port()
    program = [part.replace("0.0.0.0:8000", f"127.0.0.1:{port}") for part in WEB]
    with started(of_the_site(program), tmp_path, **GIVEN) as process:
        try:
            assert lives(port, process)
        finally:
            process.send_signal(signal.SIGTERM)
            said = process.communicate(timeout=60)
    assert process.returncode == 0, said


def lives(port: int, process: subprocess.Popen[str]) -> bool:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/livez", trust_env=False, timeout=30).text == "ok\n"
        except httpx.TransportError:
            time.sleep(0.1)
    return False


WORKER = {"PARITY_URL": "http://127.0.0.1:1", "PARITY_WORKER_TOKEN": "w" * 50}


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        *(("PARITY_URL", ""), ("PARITY_WORKER_TOKEN", ""), ("PARITY_URL", "parity.example.org")),
        *(("PARITY_URL", "https://parity example.org"), ("REDIS_URL", "carrier-pigeon://u:hidden@x")),
        *(("REDIS_URL", "redis://u:hidden@x:port/0"), ("PARITY_WORKER_QUEUES", "tpu"), ("PARITY_HUB_MIRROR", "/none")),
        *(("PARITY_WORKER_SLOTS", "many"), ("PARITY_PLAN", "speed=9")),
    ],
)
def test_a_worker_names_what_is_missing_or_wrong(variable: str, value: str, tmp_path: Path) -> None:
    variables = {**WORKER, "PARITY_WORKER_QUEUES": "api", variable: value}
    error = refused(words(target("cpu").all("ENTRYPOINT")[-1]), tmp_path, **variables)
    assert variable in error.splitlines()[-1] and "hidden" not in error
