"""What repeats tell of a machine's noise, and the differences that are labelled with it."""

from typing import Any

import pytest
from django.test import Client

from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Submission, Suite
from leaderboard.queries.compare import Compared, compare
from leaderboard.queries.noise import floors
from tests.leaderboard.compared import finished
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import tree

pytestmark = pytest.mark.django_db
H200 = {"hardware": "1 x H200", "dtype": "bfloat16"}
BETA = [1.0, 0.0] * 50


def run(make: made.Make, name: str, right: int, *, fresh: bool = False, **told: Any) -> Submission:
    """An evaluation with so many of alpha's 100 items right; half of beta's always."""
    row = finished(make, name, {"alpha": [1.0] * right + [0.0] * (100 - right), "beta": BETA})
    Submission.objects.filter(pk=row.pk).update(provenance={**H200, **told}, fresh=fresh)
    row.refresh_from_db()
    return row


@pytest.fixture
def repeated(make_submission: made.Make) -> list[Submission]:
    """Three runs of one model: alpha 50, 52 and 54 %, the suite 50, 51 and 52."""
    return [run(make_submission, "org/again", right, fresh=True) for right in (50, 52, 54)]


def of(*rows: Submission) -> Compared:
    return compare(asked=[f"s{row.pk}" for row in rows])


def labels(found: Compared) -> list[bool]:
    """Of the suite, then of each task."""
    against = [found.standings[1].against, *(row.entries[1].against for row in found.rows)]
    return [one.within_noise for one in against if one]


def test_the_floor_is_of_a_machine_a_suite_and_each_of_its_tasks(repeated: list[Submission], suite: Suite) -> None:
    """Alpha: s = 0.02, t(2) sqrt(2) s = 0.1217; the suite's half of it, in points: 6.08. Beta never moves."""
    [found] = floors(suite).values()
    assert (found.hardware, found.dtype) == ("1 x H200", "bfloat16")
    assert found.whole is not None
    assert (found.whole.limit, found.whole.runs) == (pytest.approx(6.0849, abs=1e-4), 3)
    assert found.tasks["alpha"].limit == pytest.approx(0.121697, abs=1e-6)
    assert found.tasks["beta"].limit == 0.0


def test_smaller_differences_are_within_noise_and_larger_are_not(
    repeated: list[Submission], make_submission: made.Make
) -> None:
    base = run(make_submission, "org/base", 50)
    near, far = run(make_submission, "org/near", 60), run(make_submission, "org/far", 64)
    assert labels(of(base, near)) == [True, True, False]  # of beta there is no difference, and no noise
    assert labels(of(base, far)) == [False, False, False]
    assert labels(of(far, base)) == [False, False, False]
    against = of(base, near).standings[1].against
    assert against is not None and against.noise == pytest.approx(6.0849, abs=1e-4)


@pytest.mark.parametrize("other", [{"hardware": "2 x H200"}, {"dtype": "float32"}, {"hardware": None}, {"dtype": [1]}])
def test_another_machine_has_a_noise_of_its_own(
    repeated: list[Submission], make_submission: made.Make, other: dict[str, Any]
) -> None:
    base, near = run(make_submission, "org/base", 50), run(make_submission, "org/near", 51, **other)
    against = of(base, near).standings[1].against
    assert against is not None and (against.noise, against.within_noise) == (None, False)


def test_runs_of_which_something_was_replayed_are_no_repeats(
    repeated: list[Submission], make_submission: made.Make, suite: Suite
) -> None:
    run(make_submission, "org/again", 90, requests={"asked": 1, "replayed": 199})
    scored = run(make_submission, "org/again", 90, fresh=True)
    Submission.objects.filter(pk=scored.pk).update(rescored_from=repeated[0])
    run(make_submission, "org/other", 90, requests={"asked": 200, "replayed": 0})
    assert [one.whole.runs for one in floors(suite).values() if one.whole] == [3]
    run(make_submission, "org/again", 52, requests={"asked": 200, "replayed": 0})
    assert [one.whole.runs for one in floors(suite).values() if one.whole] == [4]


def test_two_runs_tell_too_little(make_submission: made.Make, suite: Suite) -> None:
    for right in (50, 60):
        run(make_submission, "org/again", right, fresh=True)
    assert floors(suite) == {}


def test_pages_api_and_files_say_it(
    client: Client, repeated: list[Submission], make_submission: made.Make, suite: Suite
) -> None:
    base, near = run(make_submission, "org/base", 50), run(make_submission, "org/near", 60)
    query = f"m=s{base.pk}&m=s{near.pk}"
    for path, times in ((f"/compare?{query}", 2), (f"/diff/s{base.pk}/s{near.pk}", 2)):
        labelled = [one.text for one in tree(client.get(path)).all("a", "tag")]
        assert labelled.count("within noise") == times, path
    told = client.get(f"/api/v1/compare/?{query}").json()
    whole = told["models"][1]["against"]
    assert whole["within_noise"] is True and whole["noise_floor"] == pytest.approx(6.0849, abs=1e-4)
    assert [task["models"][1]["against"]["within_noise"] for task in told["tasks"]] == [True, False]
    assert client.get(f"/api/v1/diff/s{base.pk}/s{near.pk}/").json()["overall"]["within_noise"] is True
    lines = client.get(f"/compare.csv?{query}").content.decode().splitlines()
    assert "noise_floor,within_noise" in lines[0] and ",yes," in lines[2]
    build_snapshot(suite=suite)
    shown = tree(client.get("/method")).text
    assert "1 x H200, bfloat16: 3 runs of 1 revision, s = 1.000, so differences below 6.08 points on tiny@1" in shown
