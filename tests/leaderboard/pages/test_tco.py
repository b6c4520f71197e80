"""`/tco`, its CSV and `/api/v1/tco/`: numbers worked by hand, nothing told that was not computed, odd questions."""

import csv
import io
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from leaderboard.models import Model, Price, Submission
from leaderboard.pages.tco import EXAMPLE
from leaderboard.queries.assumptions import MOST_APIS
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import Element, tree

pytestmark = pytest.mark.django_db
PLAN = {
    "requests": "2628000", "input": "800", "output": "200", "curve": "3,1,1,1,0,0,1,1", "price": "2",
    "throughput": "1000", "gpus": "2", "utilisation": "80", "spare": "1", "staff": "30", "wage": "100", "other": "400",
}  # fmt: skip
"""The month that is worked by hand in tests/leaderboard/statistics/test_cost.py: $18,000, 10 GPUs, used by 20 %."""
OWN = {"own_input": "2", "own_output": "10"}


def address(**asked: str | list[str]) -> str:
    pairs = [(name, one) for name, value in asked.items() for one in ([value] if isinstance(value, str) else value)]
    return "?" + "&".join(f"{name}={quote(value)}" for name, value in pairs)


def page(client: Client, **asked: Any) -> Element:
    reply = client.get("/tco" + address(**asked))
    assert reply.status_code == 200, reply.content.decode()
    return tree(reply)


def api(client: Client, **asked: Any) -> dict[str, Any]:
    reply = client.get("/api/v1/tco/" + address(**asked))
    assert reply.status_code == 200, reply.content
    return dict(reply.json())


@pytest.fixture
def priced(db: None) -> Model:
    model = Model.objects.create(name="lab/small", kind="proprietary", input_price="2", output_price="10")
    Price.objects.create(
        model=model, input_price="2", output_price="10", detail={"cache_read_mtok": "0.5"}, source="made",
        read_on="2026-11-01",
    )  # fmt: skip
    return model


def test_a_month_worked_by_hand(client: Client, priced: Model) -> None:
    """The API: 2,628,000 x (800 x $2 + 200 x $10) / 10^6 = $9,460.80, so self-hosting costs $8,539.20 more."""
    found = api(client, **PLAN, api="lab/small")
    assert found["hosting"]["total"] == pytest.approx(18_000)
    assert (found["hosting"]["gpus"], found["hosting"]["used"]) == (10, pytest.approx(0.2))
    assert found["offers"][0]["month"] == pytest.approx(9_460.8)
    assert found["offers"][0]["difference"] == pytest.approx(8_539.2)
    assert sum(one["dollars"] for one in found["steps"]) == pytest.approx(found["hosting"]["for_million"])
    text = page(client, **PLAN, api="lab/small").one("section", "answer").text
    assert "Self-hosting a month$18,000" in text
    assert "$9,461$8,539 more" in text


def test_discounts_come_from_the_catalogue_and_the_address(client: Client, priced: Model) -> None:
    """40 % of the tokens in at $0.50: 800 x (0.6 x 2 + 0.4 x 0.5) + 200 x 10 = $3,120 for a million requests; half of
    the requests at half price: three quarters."""
    found = api(client, **PLAN, api="lab/small", cached="40", batch="50", discount="50")
    assert found["offers"][0]["month"] == pytest.approx(2.628 * 3_120 * 0.75)
    assert found["offers"][0]["cached_price"] == 0.5


def test_at_a_tenth_of_the_use_a_token_costs_ten_times_as_much(client: Client) -> None:
    uses = {one["share"]: one["for_million"] for one in api(client, **PLAN)["uses"]}
    assert uses[0.1] == pytest.approx(10 * uses[1.0])
    rows = page(client, **PLAN).one("div", aria_label="Price by utilisation").all("tr")
    assert [rows[1].text, rows[-1].text] == ["10 %$11.1", "100 %$1.11"]


@pytest.mark.parametrize("without", ["throughput", "price"])
def test_without_what_decides_nothing_about_self_hosting_is_told(client: Client, priced: Model, without: str) -> None:
    asked = {name: value for name, value in PLAN.items() if name != without} | {"api": "lab/small"}
    found = api(client, **asked)
    assert found["missing"] == [without]
    assert (found["hosting"], found["steps"], found["uses"], found["sensitivity"]) == (None, [], [], [])
    assert (found["offers"][0]["difference"], found["offers"][0]["break_even"]) == (None, None)
    text = page(client, **asked).one("main").text
    assert not re.search(r"\b(more|less)\b.{0,12}(a month|\$)|Self-hosting costs|saving", text)
    assert not [line for line in table(client, **asked) if line["part"] == "self-hosting" or "self" in line["name"]]


def test_nothing_is_ever_called_a_saving(client: Client, priced: Model) -> None:
    cheap = PLAN | {"throughput": "100000", "staff": "0", "other": "0", "spare": "0", "gpus": "1"}
    text = page(client, **cheap, api="lab/small").one("main").text
    assert "less" in text
    assert "sav" not in text.lower()


def test_break_evens_are_requests_a_month(client: Client) -> None:
    """A GPU for $730 a month against $1 a million tokens: 730 million tokens, 730,000 requests of a thousand."""
    plain = {"requests": "1000", "input": "1000", "output": "0", "curve": "flat", "price": "1", "throughput": "1000",
             "utilisation": "100", "spare": "0", "staff": "0", "other": "0"}  # fmt: skip
    found = api(client, **plain, own_input="1", own_output="1")
    assert found["offers"][0]["break_even"] == {
        "first": pytest.approx(730_000), "always": pytest.approx(730_000), "exact": True,
    }  # fmt: skip
    assert "From 730,000 requests a month on." in page(client, **plain, own_input="1", own_output="1").text
    assert "At no volume" in page(client, **plain, own_input="0.1", own_output="0.1").text
    assert "First at 1.82 million" in page(client, **plain, own_input="0.4", own_output="0.4").text


def test_the_throughput_of_our_own_runs_is_taken_and_named(
    client: Client, make_submission: made.Make, worker_token: Any
) -> None:
    row = made.measure(make_submission("org/fast"), worker_token, [1.0, 0.0] * 5)
    told = {"hardware": "One GPU", "evaluation_seconds": 10.0, "tokens": {"input": 9_000, "output": 3_345}}
    Submission.objects.filter(pk=row.pk).update(provenance=told)
    found = api(client, **{**PLAN, "throughput": ""}, model="org/fast")
    assert found["assumptions"]["throughput"] == 1_234 or found["assumptions"]["throughput"] == 1_235
    assert found["measured"][0]["hardware"] == "One GPU"
    shown = page(client, **{**PLAN, "throughput": ""}, model="org/fast")
    assert "One GPU" in shown.text and "taken" in shown.text
    assert shown.one("input", id="throughput")["value"] in {"1234", "1235"}  # visible, and in the address of the form
    typed = api(client, **PLAN, model="org/fast")
    assert typed["assumptions"]["throughput"] == 1_000


def test_a_model_whose_runs_counted_no_tokens_has_no_throughput(
    client: Client, make_submission: made.Make, worker_token: Any
) -> None:
    row = made.measure(make_submission("org/fast"), worker_token, [1.0, 0.0] * 5)
    Submission.objects.filter(pk=row.pk).update(provenance={"evaluation_seconds": 10.0})
    assert api(client, model="org/fast", price="2")["missing"] == ["throughput"]
    assert "No run of org/fast here has counted its tokens" in page(client, model="org/fast", price="2").text


def test_the_address_holds_every_assumption(client: Client, priced: Model) -> None:
    shown = page(client, **{**PLAN, "api": ["lab/small"]}, **OWN)
    whole = shown.links()["Address with every assumption"]
    for name, value in (PLAN | OWN | {"cached": "0", "batch": "0", "discount": "50", "fleet": "fixed"}).items():
        assert f"{name}={quote(value)}" in whole, name
    again = tree(client.get(whole))
    assert again.one("section", "answer").text == shown.one("section", "answer").text
    inputs = {one["name"]: one["value"] for one in again.all("input") if one["name"] != "api"}
    assert {name: inputs[name] for name in PLAN} == PLAN


def test_it_works_as_a_plain_form_and_has_a_table_for_each_chart(client: Client, priced: Model) -> None:
    shown = page(client, **PLAN, api="lab/small")
    form = next(one for one in shown.all("form") if one.get("action") == "/tco")
    assert form["method"] == "get" and form.all("button")
    assert {one["data-chart"] for one in shown.all("div", "plot")} == {"staircase-chart", "tornado-chart"}
    regions = {one["aria-label"] for one in shown.all("div", role="region")}
    assert {"Costs by volume", "Sensitivity", "Causes of the price", "Price by utilisation"} <= regions


def test_a_visitor_without_numbers_gets_the_form_and_made_up_ones_to_try(client: Client) -> None:
    shown = page(client)
    assert "made-up numbers" in shown.text
    tried = tree(client.get("/tco" + shown.links()["made-up numbers"]))
    assert f"{EXAMPLE['throughput']:,} tokens/s" not in tried.one("section", "answer").text
    assert tried.one("input", id="throughput")["value"] == str(EXAMPLE["throughput"])
    assert tried.one("section", "answer").all("p", "big")


@pytest.mark.parametrize(
    ("asked", "field", "words"),
    [
        ({"price": "cheap"}, "price", "plain number"),
        ({"price": "nan"}, "price", "plain number"),
        ({"price": "1e999"}, "price", "plain number"),
        ({"price": "1_000"}, "price", "plain number"),
        ({"price": "-1"}, "price", "from 0 to"),
        ({"utilisation": "0"}, "utilisation", "from 0.1 to 100"),
        ({"utilisation": "101"}, "utilisation", "from 0.1 to 100"),
        ({"gpus": "1.5"}, "gpus", "whole number"),
        ({"requests": "0"}, "requests", "from 1 to"),
        ({"curve": "1,2,x"}, "curve", "traffic curve"),
        ({"curve": ",".join("1" * 169)}, "curve", "traffic curve"),
        ({"curve": "0,0"}, "curve", "traffic curve"),
        ({"fleet": "maybe"}, "fleet", "fixed or hourly"),
        ({"own_input": "1"}, "own_input", "both prices"),
        ({"api": [f"a/b{n}" for n in range(MOST_APIS + 1)]}, "api", "At most"),
    ],
)
def test_what_cannot_be_meant_is_said_beside_its_field(
    client: Client, asked: dict[str, Any], field: str, words: str
) -> None:
    reply = client.get("/tco" + address(**asked))
    assert reply.status_code == 400
    assert words in tree(reply).text
    told = client.get("/api/v1/tco/" + address(**asked))
    assert (told.status_code, told.json()["field"]) == (400, field)
    part = client.get("/tco" + address(**asked), headers={"HX-Request": "true"})
    assert part.status_code == 200  # htmx shows nothing else
    assert tree(part).one("p", role="alert").text and "Self-hosting a month" not in part.content.decode()
    assert client.get("/tco.csv" + address(**asked)).status_code == 400


@pytest.mark.parametrize(("name", "value"), [("model", "org/none"), ("api", "lab/none"), ("api", "org/open")])
def test_unknown_and_unpriced_models_are_404(client: Client, name: str, value: str) -> None:
    Model.objects.create(name="org/open")
    assert client.get("/tco" + address(**{name: value})).status_code == 404
    assert client.get("/api/v1/tco/" + address(**{name: value})).status_code == 404


@pytest.mark.parametrize("value", ["\x00", "a" * 201])
def test_odd_names_are_refused(client: Client, value: str) -> None:
    assert client.get("/tco" + address(api=value)).status_code == 400
    assert client.get("/tco" + address(model=value)).status_code == 400


def table(client: Client, **asked: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(client.get("/tco.csv" + address(**asked)).content.decode())))


def test_the_csv_has_the_assumptions_and_the_numbers(client: Client, priced: Model) -> None:
    lines = {(one["part"], one["name"]): one["value"] for one in table(client, **PLAN, api="lab/small")}
    assert float(lines["assumption", "utilisation"]) == 80
    assert float(lines["self-hosting", "together"]) == pytest.approx(18_000)
    assert float(lines["lab/small", "self-hosting costs more by"]) == pytest.approx(8_539.2)
    assert float(lines["self-hosting", "2628000 requests"]) == pytest.approx(18_000)


def test_names_are_shown_and_never_run(client: Client) -> None:
    Model.objects.create(name="x/<b>\u202e", input_price="1", output_price="1")
    body = client.get("/tco" + address(**PLAN, api="x/<b>\u202e")).content.decode()
    assert "<b>\u202e" not in body and "\u202e" not in body
    first = csv.reader(io.StringIO(client.get("/tco.csv" + address(model="")).content.decode()))
    assert next(first) == ["part", "name", "value", "unit"]


def test_recomputing_takes_less_than_50_ms(client: Client, priced: Model) -> None:
    """The whole reply of the API for the dearest case: 168 different hours and five APIs. In processor time, so that
    whoever else uses the machine fails no test."""
    for number in range(4):
        Model.objects.create(name=f"lab/m{number}", input_price="1.3", output_price=str(2 + number))
    apis = ["lab/small", *(f"lab/m{number}" for number in range(4))]
    hours = ",".join(str(100 + number) for number in range(168))
    asked = PLAN | {"curve": hours, "fleet": "hourly", "requests": "50000000", "api": apis}
    api(client, **asked)
    taken = []
    for _ in range(5):
        begun = time.thread_time()
        api(client, **asked)
        taken.append(time.thread_time() - begun)
    assert min(taken) < 0.05


def test_queries_do_not_grow(
    client: Client, priced: Model, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    with django_assert_max_num_queries(8):
        page(client, **PLAN, api="lab/small")
