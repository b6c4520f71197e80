"""The whole product with a child that loads no model, and short times: who dies is tested, not what is measured."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytest_django import Settings as DjangoSettings

from leaderboard.actions.submit import submit
from leaderboard.actions.validate import validate
from leaderboard.demo import journey
from leaderboard.models import Owner, Submission, Suite
from tests import stack as stacks
from tests.faults.checkpoints import SUITE, make_model
from tests.faults.live import QUICK, SLOW, STEADY, Live

Accept = Callable[..., Submission]

MODELS = 20
TIMES = {
    "PARITY_LEASE_SECONDS": "4",
    "PARITY_HEARTBEAT_SECONDS": "0.5",
    "PARITY_RECONCILE_SECONDS": "0.75",
    "PARITY_RETRY_SECONDS": "1",
    "PARITY_MAX_LOSSES": "5",
}


@pytest.fixture
def mirror(tmp_path: Path, settings: DjangoSettings) -> Path:
    """An empty mirror that the site looks at."""
    (tmp_path / "mirror").mkdir()
    settings.HUB_MIRRORS = (tmp_path / "mirror",)
    return tmp_path / "mirror"


@pytest.fixture
def accept(mirror: Path, owner: Owner, suite: Suite) -> Accept:
    """Submissions as people make them, by the actions alone: pinned and queued unless told otherwise."""

    def accept(name: str, *, validated: bool = True, on: str = suite.slug) -> Submission:
        make_model(mirror, name, len(name))
        made = submit(owner=owner, submitter=owner.user, suite=on, model=name)
        if validated:
            validate(submission=made.pk)
        return made

    return accept


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A demonstration that serves; its model is on the board."""
    folder = tmp_path_factory.mktemp("faults")
    state = folder / "state"
    state.mkdir(mode=0o700)
    make_model(state / "mirror", journey.MODEL, 1)
    for number in range(MODELS):
        make_model(state / "mirror", f"org/m{number:02}", number + 2)
    files = []
    for slug, does in {QUICK: "succeed", STEADY: "take 0.5", SLOW: "take 6"}.items():
        files.append(folder / f"{slug}.yaml")
        files[-1].write_text(SUITE.format(name=slug.partition("@")[0], does=does, limit="null"))
    with stacks.running(state, PARITY_WORKER_CHILD="tests.evaluator.fake_child", **TIMES) as stack:
        stack.wait_for(stacks.READY, seconds=90)
        loaded = stacks.manage(state, "load_suites", *map(str, files))
        assert loaded.returncode == 0, loaded.stderr
        stack.wait_for(stacks.SERVING, seconds=30)
        yield Live.of(stack)
