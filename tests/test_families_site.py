"""Every family of the table goes through the whole product: submitted, evaluated in its engine, and on the board.

One site for all of them, every part real; `make families` sends them all, `make test` one.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from evaluator.api_client import Parity, Row
from tests import stack as stacks
from tests.evaluator.engines.families import write
from tests.evaluator.engines.family_table import TABLE, chosen
from tests.stack import Stack
from tests.test_journey import mini_suite

pytestmark = [pytest.mark.stack, pytest.mark.engine]

SENT = chosen(["qwen3_5_moe"])
ITEMS, SECONDS = 30, 240


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, demo_mirror: Path) -> Iterator[Stack]:
    """A demonstration beside a mirror that has the tiny checkpoints."""
    folder = tmp_path_factory.mktemp("families-site")
    models = folder / "hub" / "models" / "tiny"
    for name in SENT:
        write(name, models / name, demo_mirror / "models" / "parity-demo" / "SmolLM2-135M-Instruct-Q4_1")
    state = stacks.with_model(folder / "state", demo_mirror)
    mini = mini_suite(folder)
    short = yaml.safe_load(mini.read_text())
    hello = folder / "hello@1.yaml"  # what the demonstration begins with
    hello.write_text(
        yaml.safe_dump({**short, "name": "hello", "tasks": [{**one, "limit": 1} for one in short["tasks"]]})
    )
    for arguments in (["migrate", "--verbosity=0"], ["load_suites", str(mini), str(hello)]):
        done = stacks.manage(state, *arguments)
        assert done.returncode == 0, done.stderr
    with stacks.running(state, "--suite", "hello@1", PARITY_HUB_MIRROR=str(folder / "hub")) as stack:
        stack.wait_for(stacks.READY, seconds=120)
        yield stack


@pytest.fixture(scope="module")
def measured(site: Stack) -> dict[str, tuple[dict[str, Any], Row | None]]:
    """By family, the submission as it ended and its row on the board; one after the other."""
    found = {}
    with Parity(site.url, site.token) as parity:
        for name in SENT:
            settings = {"engine": TABLE[name].engine, "dtype": "float32"}
            made = parity.submit(f"tiny/{name}", suite="mini@1", settings=settings)
            ended = parity.wait(made.id, timeout=SECONDS)
            found[name] = (parity.call("GET", f"submissions/{made.id}/"), parity.standing(ended))
    return found


@pytest.mark.timeout(SECONDS * len(SENT))
@pytest.mark.parametrize("name", SENT)
def test_it_is_measured_and_on_the_board(
    site: Stack, measured: dict[str, tuple[dict[str, Any], Row | None]], name: str
) -> None:
    body, row = measured[name]
    assert body["state"] == "succeeded", (body["error"], site.said()[-2000:])
    assert body["progress"]["done"] == body["progress"]["total"] == ITEMS
    told = body["provenance"]
    assert (told["engine"], told["dtype"].removeprefix("torch.")) == (TABLE[name].engine, "float32")
    assert told["path"] == "fast" or told["path_reason"]
    assert row is not None and row.rank is not None and row.submission == body["id"]
    assert {task: cell["score"] for task, cell in row.tasks.items()} == {
        one["task"]: one["score"] for one in body["results"]
    }
    with site.http() as http:
        assert f"tiny/{name}" in http.get("/?suite=mini@1").text
        assert name in http.get(f"/submissions/{body['id']}").text
    samples = list((site.state / "files" / "samples" / str(body["id"])).glob("*.jsonl.gz"))
    assert samples, "its samples are kept"


def test_all_of_them_are_ranked_together(site: Stack, measured: dict[str, Any]) -> None:
    with Parity(site.url, site.token) as parity:
        board = list(parity.leaderboard("mini@1"))
    assert sorted(row.model for row in board) == sorted(f"tiny/{name}" for name in SENT)
