import pytest

from leaderboard.models import Submission, Suite
from tests.leaderboard.pages import made


@pytest.fixture
def board(make_submission: made.Make, suite: Suite) -> dict[str, Submission]:
    return made.ranked(make_submission, suite)
