import pytest

from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Model, Revision, Submission, Suite
from leaderboard.queries import sizes as kept
from leaderboard.queries.errors import BadQuery
from leaderboard.queries.sizes import Axis, all_sizes, axis_named, sizes
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db


@pytest.fixture
def sized(make_submission: made.Make, suite: Suite) -> dict[str, int]:
    """Sizes in billions and scores: b is beaten by a, d by c; e has no known size, f no score."""
    keys = {}
    for name, billions, score in (("a", 1, 40.0), ("b", 2, 30.0), ("c", 7, 60.0), ("d", 70, 55.0), ("e", 0, 90.0)):
        keys[name] = made.succeed(make_submission(f"org/{name}"), score).pk
        Revision.objects.filter(model__name=f"org/{name}").update(parameters=billions * 10**9 or None)
    made.succeed(make_submission("org/f"), None, reason=made.REASON)
    build_snapshot(suite=suite)
    return keys


def test_the_front_are_those_that_no_smaller_one_reaches(sized: dict[str, int], suite: Suite) -> None:
    found = sizes(suite)
    assert [one.name for one in found.drawn] == ["org/a", "org/b", "org/c", "org/d"]
    assert [one.name for one in found.front] == ["org/a", "org/c"]
    assert (found.rows, found.unsized) == (4, 1)


def test_pins_are_marked_and_unknown_ones_are_nothing(sized: dict[str, int], suite: Suite) -> None:
    found = sizes(suite, [f"s{sized['d']}", "s999999", "<b>", ""])
    assert [one.name for one in found.pinned] == ["org/d"]


def test_of_many_the_front_and_the_pins_stay_and_every_row_is_counted(
    make_submission: made.Make, suite: Suite, monkeypatch: pytest.MonkeyPatch
) -> None:
    made.many(make_submission, suite, 200)
    Revision.objects.update(parameters=7_000_000_000)
    Revision.objects.filter(model__name="org/m150").update(parameters=1_000_000_000)
    build_snapshot(suite=suite, anew=True)
    monkeypatch.setattr(kept, "DRAWN", 50)
    everything = all_sizes(suite)
    last = everything.drawn[-1].key
    found = sizes(suite, [last])
    assert len(everything.drawn) == found.rows == 200
    assert len(found.drawn) < 120
    assert [one.name for one in found.front] == [one.name for one in everything.front] == ["org/m150", "org/m000"]
    assert [one.key for one in found.pinned] == [last]
    assert sum(one.rows for one in found.drawn) >= 200


def test_without_a_ranking_there_is_nothing_to_draw(suite: Suite) -> None:
    assert sizes(suite).drawn == []


def test_of_contexts_more_is_better(sized: dict[str, int], suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, tokens in (("a", 8192), ("b", 4096), ("c", 4096), ("d", 2048)):
        Revision.objects.filter(model__name=f"org/{name}").update(context_length=tokens)
    build_snapshot(suite=suite, anew=True)
    advertised = sizes(suite, axis=Axis.CONTEXT)
    assert [(one.name, one.x) for one in advertised.listed] == [("org/c", 4096.0), ("org/a", 8192.0)]
    assert (advertised.rows, advertised.unsized) == (4, 1)
    monkeypatch.setattr(kept, "measured_contexts", lambda: {"org/a": 4096, "org/f": 8192, "org/none": 1})
    measured = sizes(suite, axis=Axis.MEASURED)
    assert [(one.name, one.x) for one in measured.listed] == [("org/a", 4096.0)]


def test_active_parameters_are_all_of_those_that_are_no_mixture(sized: dict[str, int], suite: Suite) -> None:
    Revision.objects.filter(model__name="org/d").update(active_parameters=500_000_000)
    Model.objects.filter(name__in=["org/c", "org/d"]).update(mixture=True)
    build_snapshot(suite=suite, anew=True)
    found = sizes(suite, axis=Axis.ACTIVE)
    assert [(one.name, one.x) for one in found.drawn] == [("org/d", 5e8), ("org/a", 1e9), ("org/b", 2e9)]
    assert [one.name for one in found.front] == ["org/d"]
    assert found.unsized == 2  # c is a mixture of which nobody knows it, e has no size


def test_a_price_is_three_parts_in_and_one_out(sized: dict[str, int], suite: Suite) -> None:
    Model.objects.filter(name="org/a").update(input_price="1", output_price="5")
    Model.objects.filter(name="org/b").update(input_price="1")
    build_snapshot(suite=suite, anew=True)
    assert [(one.name, one.x) for one in sizes(suite, axis=Axis.PRICE).drawn] == [("org/a", 2.0)]


def test_throughput_is_of_one_kind_of_machine(sized: dict[str, int], suite: Suite) -> None:
    for name, hardware, output in (
        ("a", "1 x H100", 900),
        ("b", "1 x H100", 1900),
        ("c", "2 cores", 5),
        ("d", "", "x"),
    ):
        told = {"hardware": hardware, "evaluation_seconds": 10, "tokens": {"input": 100, "output": output}}
        Submission.objects.filter(pk=sized[name]).update(provenance=told)
    found = sizes(suite, axis=Axis.THROUGHPUT)
    assert found.hardware == "1 x H100"
    assert [(one.name, one.x, one.front) for one in found.drawn] == [("org/a", 100.0, True), ("org/b", 200.0, True)]
    assert found.unsized == 3


def test_an_unknown_axis_is_told() -> None:
    assert (axis_named(""), axis_named("measured")) == (Axis.PARAMETERS, Axis.MEASURED)
    with pytest.raises(
        BadQuery, match="against parameters, active, price, throughput, context, measured, not 'colour'"
    ):
        axis_named("colour")
