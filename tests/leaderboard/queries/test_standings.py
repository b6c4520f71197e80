from pathlib import Path

import pytest

from leaderboard.actions.import_evaluations import ensure_imported_suite, import_evaluations
from leaderboard.actions.rank import build_snapshot
from leaderboard.imports.open_llm_leaderboard import SUITE, read
from leaderboard.models import Model, Revision, Suite
from leaderboard.queries.standings import SuiteStandings, rankings, standings_of
from tests.leaderboard.compared import OTHER, imported
from tests.leaderboard.imports.made import row, table
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db


def standings(name: str = "org/model") -> list[SuiteStandings]:
    return standings_of(name, rankings())


@pytest.fixture
def peers(make_submission: made.Make, suite: Suite) -> None:
    """Twenty of 7 B, scores 30 to 49; five of 70 B, far better; one of unknown size; an import of 7 B."""
    for index in range(20):
        made.succeed(make_submission(f"org/small{index}"), 30.0 + index)
    for index in range(5):
        made.succeed(make_submission(f"org/large{index}"), 90.0)
    made.succeed(make_submission("org/unknown"), 40.0)
    imported(suite, "org/claimed", {"alpha": [1.0, 1.0], "beta": [1.0, 1.0]})
    Revision.objects.filter(model__name__startswith="org/small").update(parameters=7_000_000_000)
    Revision.objects.filter(model__name="org/claimed").update(parameters=7_000_000_000)
    Revision.objects.filter(model__name__startswith="org/large").update(parameters=70_000_000_000)


def test_percentiles_are_among_others_of_its_size_that_were_measured_here(peers: None, suite: Suite) -> None:
    build_snapshot(suite=suite)
    [one] = standings("org/small15")[0].standings
    assert one.size_class == "4-10 B"
    assert one.place is not None
    assert (one.place.others, one.place.percentile) == (19, pytest.approx(100 * 15 / 19))
    alpha = one.tasks[0]
    assert (alpha.points, alpha.place and alpha.place.percentile) == (45.0, pytest.approx(100 * 15 / 19))
    assert alpha.low == pytest.approx(45 - 1.96, abs=0.01)


def test_its_own_other_runs_are_not_others(peers: None, make_submission: made.Make, suite: Suite) -> None:
    made.succeed(make_submission("org/small15", settings=OTHER), 10.0)
    build_snapshot(suite=suite)
    first, second = standings("org/small15")[0].standings
    assert first.place and second.place and first.place.others == second.place.others == 19
    assert second.place.percentile == 0.0


def test_of_unknown_size_there_is_no_percentile(peers: None, suite: Suite) -> None:
    build_snapshot(suite=suite)
    [one] = standings("org/unknown")[0].standings
    assert (one.size_class, one.place, one.places, one.telling) == ("", None, [None, None], [])


def test_what_was_not_measured_says_why(make_submission: made.Make, suite: Suite) -> None:
    made.succeed(make_submission(), None, reason=made.REASON)
    build_snapshot(suite=suite)
    [one] = standings()[0].standings
    assert [(task.points, task.unavailable) for task in one.tasks] == [(None, "No data."), (None, "No data.")]


def test_imported_scores_are_the_sources_own_and_never_sure(tmp_path: Path) -> None:
    rows = [row(f"org/m{index:02}", average=str(20 + index), IFEval=str(index)) for index in range(30)]
    rows[25] = row("org/m25", average="45", IFEval="1.5", BBH="80")
    import_evaluations(source=read(table(tmp_path / "t.csv", *rows)), suite=ensure_imported_suite(spec=SUITE))
    [one] = standings("org/m25")[0].standings
    assert one.imported is not None
    assert one.tasks[0].points == 1.5
    assert one.tasks[0].low is None
    assert not one.errors
    assert [(task.task.title, telling.sure) for task, telling in one.strengths] == [("BBH", False)]
    assert [task.task.title for task, _ in one.weaknesses] == ["IFEval"]


def test_a_model_nobody_evaluated_stands_nowhere(peers: None, suite: Suite) -> None:
    build_snapshot(suite=suite)
    Model.objects.create(name="org/none")
    assert standings("org/none") == []
