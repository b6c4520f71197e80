"""What is missing of models, suites and scores: every page of evidence says so in words, and no chart draws it."""

import json
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test import Client

from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Claim, Model, Result, Revision, Submission, Suite
from tests.leaderboard import gaps
from tests.leaderboard.compared import finished, imported
from tests.leaderboard.pages.html import Element, tree

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]
DAY = date(2025, 1, 1)
AXES = ("parameters", "active", "price", "throughput", "context", "measured")
PAGES = (
    "/", "/gap", "/gap?task=alpha", "/gap.csv", "/api/v1/gap/", "/claims", "/api/v1/claims/", "/method",
    *(f"/suites/tiny/1?x={axis}" for axis in AXES), *(f"/suites/tiny/1/sizes.csv?x={axis}" for axis in AXES),
)  # fmt: skip
NO_NUMBER = re.compile(r"(?<![\w.-])(NaN|nan|inf|Infinity|None)(?![\w-])")
"""What a number that is none looks like when it slips onto a page."""


def ranked(suite: Suite) -> None:
    build_snapshot(suite=suite, anew=True)


def no_dates(make: Make, suite: Suite) -> None:
    gaps.stand_ins(make, suite)
    Model.objects.update(released_on=None)
    ranked(suite)


def no_sizes_and_prices(make: Make, suite: Suite) -> None:
    gaps.stand_ins(make, suite)
    Revision.objects.update(parameters=None)
    Model.objects.update(input_price=None, output_price=None, context_length=None)
    ranked(suite)


def one_model(make: Make, suite: Suite) -> None:
    finished(make, "org/only", {"alpha": gaps.scores(0.5, 1), "beta": gaps.scores(0.2, 2)})
    Model.objects.update(released_on=DAY)
    ranked(suite)


def no_proprietary(make: Make, suite: Suite) -> None:
    gaps.stand_ins(make, suite)
    Model.objects.update(kind="open")
    ranked(suite)


def identical_dates(make: Make, suite: Suite) -> None:
    gaps.stand_ins(make, suite)
    Model.objects.update(released_on=DAY)
    ranked(suite)


def nan_imported(make: Make, suite: Suite) -> None:
    gaps.stand_ins(make, suite)
    row = imported(suite, "lab/odd", {"alpha": [1.0, 0.0], "beta": [1.0, 0.0]})
    row.pk, row.key, row.score, row.stderr = None, "not a number", float("nan"), float("nan")
    row.save(force_insert=True)
    Model.objects.filter(name="lab/odd").update(released_on=DAY, kind="proprietary")
    ranked(suite)


def nan_items(make: Make, suite: Suite) -> None:
    """The best of both sides have items that no score is known of, as a damaged table might hold them."""
    rows = gaps.stand_ins(make, suite)
    for name in ("parity-demo/SmolLM2-135M", "stand-in/SmolLM2-360M-endpoint"):
        holes = np.full(gaps.ITEMS, np.nan, dtype="<f4").tobytes()
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")  # past the trigger that refuses it
            Result.objects.filter(submission=rows[name]).update(item_scores=holes)
            cursor.execute("SET LOCAL session_replication_role = origin")
    ranked(suite)


def nothing_ranked(make: Make, suite: Suite) -> None:
    """Only a model that lacks a task."""
    finished(make, "org/partial", {"alpha": gaps.scores(0.5, 1)})
    ranked(suite)


UNDATED = "No open-weights model that was measured here has a release date and a score of its own."
NO_OTHER_SIDE = "No proprietary model was measured here."
NO_ITEMS = "The items of Alpha are not kept."
SCENES: dict[Callable[[Make, Suite], None], dict[str, list[str]]] = {
    # scene: what pages have to say
    no_dates: {"/gap": [UNDATED, "4 measured open-weights rows without a release date"], "/": [UNDATED],
               "/method": ["No open-weights model"], "/claims": ["95 % interval"]},
    no_sizes_and_prices: {
        "/suites/tiny/1?x=parameters": ["Nobody knows it of any model of this ranking."],
        "/suites/tiny/1?x=active": ["Nobody knows it of any model of this ranking."],
        "/suites/tiny/1?x=price": ["No model of this ranking has a price in the catalogue."],
        "/suites/tiny/1?x=throughput": ["No run of this suite counted its tokens yet."],
        "/suites/tiny/1?x=context": ["Nobody knows it of any model of this ranking."],
        "/suites/tiny/1?x=measured": ["No model of this ranking has a measured context yet"],
        "/claims": ["No model of 8 to 10 B was measured on tiny@1.", "No open-weights model", "H100"],
    },
    one_model: {"/gap": [NO_OTHER_SIDE], "/": [NO_OTHER_SIDE], "/method": [NO_OTHER_SIDE],
                "/claims": ["No proprietary model was measured on tiny@1."]},
    no_proprietary: {"/gap": [NO_OTHER_SIDE, "no gap is computed"], "/": [NO_OTHER_SIDE],
                     "/claims": ["No proprietary model was measured on tiny@1."]},
    identical_dates: {"/gap": ["1 Jan 2025", "0.0 months"], "/": ["0.0 months"]},
    nan_imported: {"/gap": ["points"], "/": ["points"]},
    nan_items: {"/gap": ["Their items are not kept."], "/": ["Their items are not kept."], "/claims": [NO_ITEMS]},
    nothing_ranked: {"/gap": ["1 measured row without a rank", NO_OTHER_SIDE], "/claims": ["was measured on tiny@1."]},
}  # fmt: skip


def claims() -> None:
    """One of each test."""
    behind = {"test": "not_behind", "first": {"kind": "open"}, "second": {"kind": "proprietary"}, "margin": 2.0,
              "tasks": [{"suite": "tiny@1", "task": "alpha"}]}  # fmt: skip
    terms: dict[str, dict[str, Any]] = {
        "sides": behind,
        "sizes": behind | {"first": {"least_parameters": 8e9, "most_parameters": 10e9}},
        "costs": {"test": "cheaper", "suite": "tiny@1", "least": 60, "most": 80, "hardware": "H100",
                  "price_low": 2.69, "price_high": 6.88, "requests": 1e8},
        "contexts": {"test": "longer_context", "first": {"kind": "open"}, "second": {"kind": "proprietary"},
                     "at_least": 10, "at_most": 5},
    }  # fmt: skip
    for slug, of in terms.items():
        Claim.objects.create(slug=slug, text="It is so.", who="a test", terms=of)


def read(client: Client, path: str) -> str:
    reply: Any = client.get(path)
    assert reply.status_code == 200, path
    return (b"".join(reply.streaming_content) if reply.streaming else reply.content).decode()


def strict(text: str) -> Any:
    """JSON as its standard has it, without NaN and Infinity."""

    def never(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=never)


def words(part: Element) -> str:
    """What a reader reads: neither a chart's numbers nor a test's terms."""
    for one in part.walk():
        one.children = [
            child for child in one.children if not (isinstance(child, Element) and child.tag in ("script", "pre"))
        ]
    return part.text


def charts(page: Element) -> list[dict[str, Any]]:
    """What is drawn."""
    return [strict(one.raw) for one in page.all("script", type="application/json")]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_what_is_missing_is_said_on_every_page(
    client: Client, make_submission: Make, suite: Suite, scene: Callable[[Make, Suite], None]
) -> None:
    scene(make_submission, suite)
    claims()
    for path in PAGES:
        text = read(client, path)
        if path.startswith("/api/"):
            strict(text)
            continue
        if ".csv" in path:
            assert not NO_NUMBER.search(text), path
            continue
        page = tree(text)
        assert path == "/" or charts(page) or not page.all("div", "plot")
        shown = words(page.one("aside", "gap-small") if path == "/" else page.one("main"))
        assert not NO_NUMBER.search(shown), (path, NO_NUMBER.search(shown))
        for told in SCENES[scene].get(path, []):
            assert told in shown, (path, told)


def test_on_identical_dates_each_side_has_one_step(client: Client, make_submission: Make, suite: Suite) -> None:
    identical_dates(make_submission, suite)
    [chart] = [one for one in charts(tree(read(client, "/gap"))) if one["id"] == "gap-chart"]
    assert [len(line["steps"]) for line in chart["lines"]] == [1, 1]
    today = json.loads(read(client, "/api/v1/gap/"))["capabilities"][0]["today"]
    assert today["difference"] != 0 and today["lag"]["months"] == 0


def test_a_chart_leaves_out_what_has_no_number(client: Client, make_submission: Make, suite: Suite) -> None:
    """One of eight has a size, another a price: each chart draws it alone, and counts the others."""
    no_sizes_and_prices(make_submission, suite)
    Revision.objects.filter(model__name="parity-demo/SmolLM2-135M").update(parameters=135_000_000)
    Model.objects.filter(name="stand-in/tiny-random-2").update(input_price="0.5", output_price="1.5")
    ranked(suite)
    for axis, name in (("parameters", "parity-demo/SmolLM2-135M"), ("price", "stand-in/tiny-random-2")):
        page = tree(read(client, f"/suites/tiny/1?x={axis}"))
        [chart] = [one for one in charts(page) if one["id"] == "sizes-chart"]
        assert [row[0] for row in chart["rows"]] == [name]
        assert "1 evaluation; 7 more" in page.one("section", aria_labelledby="sizes").text
        assert len(read(client, f"/suites/tiny/1/sizes.csv?x={axis}").splitlines()) == 2
