from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from leaderboard.actions.claims import seed_claims
from leaderboard.actions.rank import build_snapshot
from leaderboard.claims.terms import Cheaper, Group, LongerContext
from leaderboard.models import Claim, Model, Revision, Submission, Suite
from leaderboard.pages import claims as pages
from leaderboard.queries.claims import claim, claims, judged
from leaderboard.queries.errors import Missing
from leaderboard.statistics.claims import Outcome
from tests.leaderboard import gaps
from tests.leaderboard.compared import finished
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import tree

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]


def stored(terms: Any, slug: str = "c") -> Claim:
    return Claim.objects.create(slug=slug, text="It is so.", who="a test", terms=terms)


def behind(**changed: Any) -> dict[str, Any]:
    return {"test": "not_behind", "first": {"kind": "open"}, "second": {"kind": "proprietary"}, "margin": 2.0,
            "tasks": [{"suite": "tiny@1", "task": "alpha"}], **changed}  # fmt: skip


def test_a_new_site_has_measured_none_of_its_claims(suite: Suite) -> None:
    seed_claims()
    found = claims()
    assert [one.outcome for one in found] == [Outcome.NOT_YET] * 4
    assert [one.why for one in found] == [
        "There is no suite parity-core@1 here.",
        "There is no suite parity-core@1 here.",
        "There is no suite parity-core@1 here.",
        "No proprietary model has a measured context yet; that takes a suite of RULER's lengths.",
    ]
    with pytest.raises(Missing):
        claim("nothing")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"tasks": [{"suite": "tiny@1", "task": "gamma"}]}, "tiny@1 has no task gamma."),
        ({"tasks": [{"suite": "none@1", "task": "x"}]}, "There is no suite none@1 here."),
        ({"first": {"model": "org/none"}}, "No org/none was measured on tiny@1."),
        (
            {"first": {"least_parameters": 8e9, "most_parameters": 10e9}},
            "No model of 8 to 10 B was measured on tiny@1.",
        ),
        ({"first": {"least_parameters": 8e9}}, "No model of at least 8 B was measured on tiny@1."),
    ],
)
def test_what_is_missing_is_named(make_submission: Make, suite: Suite, changed: dict[str, Any], why: str) -> None:
    gaps.stand_ins(make_submission, suite)
    found = judged(stored(behind(**changed)))
    assert (found.outcome, found.why) == (Outcome.NOT_YET, why)


def test_terms_of_another_edition_are_told(db: None) -> None:
    found = judged(stored({"test": "magic"}))
    assert (found.outcome, found.test) == (Outcome.NOT_YET, "Its terms cannot be read any more.")


def test_other_items_and_unranked_rows_decide_nothing(make_submission: Make, suite: Suite) -> None:
    same = {"alpha": [1.0, 0.0] * 10, "beta": [1.0, 0.0] * 10}
    finished(make_submission, "org/open", same)
    assert judged(stored(behind())).why == "Nothing was ranked on tiny@1 yet."
    finished(make_submission, "org/other", same, start=500)
    Model.objects.filter(name="org/other").update(kind="proprietary")
    build_snapshot(suite=suite)
    assert claim("c").why == "The two sides were not measured on the same items of tiny@1."
    row = finished(make_submission, "org/partial", {"alpha": [1.0, 0.0] * 10})
    Model.objects.filter(name="org/partial").update(kind="proprietary")
    build_snapshot(suite=suite)
    assert claim("c").outcome == Outcome.NOT_YET and row.unranked_reason == ""


def test_contexts_are_judged_by_what_was_tried(make_submission: Make, suite: Suite) -> None:
    lengths = made.lengths_suite()
    full, short = ({"4096": 0.9, "8192": 0.9, "16384": last} for last in (0.9, 0.1))
    made.at_lengths(make_submission, lengths, full, "lab/long")
    row = made.at_lengths(make_submission, lengths, short, "org/short")
    Model.objects.filter(name="lab/long").update(kind="proprietary")
    terms = LongerContext(Group(kind="proprietary"), Group(kind="open"), at_least=16384, at_most=8192)
    one = stored({"test": "longer_context", "first": {"kind": "proprietary"}, "second": {"kind": "open"},
                  "at_least": terms.at_least, "at_most": terms.at_most})  # fmt: skip
    found = judged(one)
    assert found.outcome == Outcome.SUPPORTED
    assert [(one.first_name, one.value) for one in found.evidence] == [("lab/long", 16384.0), ("org/short", 8192.0)]
    assert found.evidence[1].first == f"s{row.pk}"
    Revision.objects.filter(model__name="lab/long").update(source="endpoint", origin="https://x.example", served="y")
    assert judged(one).why.startswith("No proprietary model has a measured context yet")


@pytest.fixture
def priced(make_submission: Make, suite: Suite) -> dict[str, Submission]:
    """An open model that was timed on an H100, and a proprietary one with a price."""
    rows = gaps.stand_ins(make_submission, suite)
    timed = rows["parity-demo/SmolLM2-135M"]
    told = {"hardware": "1 x NVIDIA H100 80GB", "engine": "vllm", "dtype": "bfloat16", "evaluation_seconds": 2.0,
            "tokens": {"input": 8000, "output": 2000}}  # fmt: skip
    Submission.objects.filter(pk=timed.pk).update(provenance=told)
    Model.objects.filter(name="stand-in/SmolLM2-360M-endpoint").update(input_price="2.5", output_price="10")
    return rows


def costs(**changed: Any) -> dict[str, Any]:
    return {"test": "cheaper", "suite": "tiny@1", "least": 60, "most": 80, "hardware": "H100", "price_low": 2.69,
            "price_high": 6.88, "requests": 1e8, **changed}  # fmt: skip


def test_costs_are_judged_over_a_range_of_prices(priced: dict[str, Submission]) -> None:
    found = judged(stored(costs()))
    [evidence] = found.evidence
    assert (evidence.first_name, evidence.second_name) == (
        "parity-demo/SmolLM2-135M", "stand-in/SmolLM2-360M-endpoint")  # fmt: skip
    assert evidence.low is not None and evidence.high is not None and evidence.low < evidence.high < 100
    low, high = evidence.low, evidence.high
    expected = Outcome.SUPPORTED if low >= 60 else Outcome.REFUTED if high < 60 else Outcome.NOT_YET
    assert found.outcome == expected
    middle = (low + high) / 2
    for least, outcome in ((low - 1, Outcome.SUPPORTED), (middle, Outcome.NOT_YET), (high + 1, Outcome.REFUTED)):
        assert judged(stored(costs(least=least, most=99.9), f"c{outcome[:3]}")).outcome == outcome


def test_speed_on_other_hardware_or_no_price_decides_nothing(priced: dict[str, Submission]) -> None:
    assert judged(stored(costs(hardware="B300"))).why == (
        "The throughput of none of the best open-weights models was measured on B300."
    )
    Model.objects.update(input_price=None)
    assert (
        judged(stored(costs(), "d")).why == "No proprietary model that was measured here has a price in the catalogue."
    )
    assert "The catalogue has no price" in judged(
        stored(costs(model="parity-demo/SmolLM2-135M", api="lab/none"), "e")
    ).why  # fmt: skip
    assert Cheaper.__struct_config__.tag == "cheaper"


def test_the_page_links_to_rows_and_samples(client: Client, make_submission: Make, suite: Suite) -> None:
    gaps.stand_ins(make_submission, suite)
    one = stored(behind())
    Claim.objects.create(slug="odd", text="<script>alert(1)</script>\u202e", who="<b>", terms=behind(margin=99))
    page = tree(client.get("/claims"))
    card = page.one("article", id="c")
    evidence = judged(one).evidence[0]
    assert card.links()["compare"] == f"/compare?m={evidence.first}&m={evidence.second}"
    assert card.links()["samples"] == f"/diff/{evidence.second}/{evidence.first}"
    assert card.one("span", "outcome").text == judged(one).outcome.capitalize()
    text = client.get("/claims").content.decode()
    assert "<script>alert" not in text and "\u202e" not in text


def test_queries_stay_few(
    client: Client, make_submission: Make, suite: Suite, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    gaps.stand_ins(make_submission, suite)
    stored(behind())
    with django_assert_max_num_queries(16):
        assert len(claims()) == 1


def test_cards_are_drawn_once_until_anything_changes(
    client: Client, make_submission: Make, suite: Suite, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BOARD_STATE_SECONDS = 1e-6
    gaps.stand_ins(make_submission, suite)
    stored(behind())
    first = tree(client.get("/claims")).one("div", "claims").text
    assert "+" in first or "−" in first
    with monkeypatch.context() as patch:
        patch.setattr(pages, "render_to_string", lambda *_: pytest.fail("drawn again"))
        assert tree(client.get("/claims?utm_id=7")).one("div", "claims").text == first
    stored(behind(margin=99), "wider")
    assert tree(client.get("/claims")).one("article", id="wider").one("span", "outcome").text == "Supported"
    finished(make_submission, "org/newer", {"alpha": [1.0] * gaps.ITEMS, "beta": [1.0] * gaps.ITEMS})
    build_snapshot(suite=suite)
    assert "org/newer" in tree(client.get("/claims")).one("article", id="c").text
