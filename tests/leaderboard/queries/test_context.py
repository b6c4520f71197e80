import pytest

from leaderboard.models import Model, Revision, Submission, Suite
from leaderboard.queries.context import measured_contexts, reach_of
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db


@pytest.fixture
def lengths(db: None) -> Suite:
    return made.lengths_suite()


def test_lengths_stand_in_order_with_what_was_measured(make_submission: made.Make, lengths: Suite) -> None:
    row = made.at_lengths(make_submission, lengths, {"4096": 0.8, "8192": 0.75, "vt": 0.1})
    found = reach_of(Model.objects.get(), 16384)
    assert found is not None
    assert found.submission.pk == row.pk
    assert [(one.tokens, one.score) for one in found.lengths] == [(4096, 80.0), (8192, 75.0), (16384, None)]
    assert found.lengths[2].unavailable == "No data."
    assert found.lengths[0].half == pytest.approx(1.96, abs=0.01)
    assert (found.measured, found.advertised, found.least) == (8192, 16384, pytest.approx(72.0))
    assert [one.tokens for one in found.drawn] == [4096, 8192]


def test_the_newest_evaluation_counts(make_submission: made.Make, lengths: Suite) -> None:
    made.at_lengths(make_submission, lengths, {"4096": 0.8, "8192": 0.8})
    newest = made.at_lengths(make_submission, lengths, {"4096": 0.8, "8192": 0.1})
    withdrawn = made.at_lengths(make_submission, lengths, {"4096": 0.8, "8192": 0.8, "16384": 0.8})
    Submission.objects.filter(pk=withdrawn.pk).update(state="retracted")
    made.at_lengths(make_submission, lengths, {"4096": 0.1}, "org/lost")
    found = reach_of(Model.objects.get(name="org/model"), None)
    assert found is not None
    assert (found.submission.pk, found.measured) == (newest.pk, 4096)
    assert measured_contexts() == {"org/model": 4096}


def test_where_nothing_was_measured_there_is_nothing(make_submission: made.Make, suite: Suite) -> None:
    made.succeed(make_submission(), 50.0)
    assert reach_of(Model.objects.get(), 8192) is None
    assert measured_contexts() == {}
    assert Revision.objects.count() == 1
