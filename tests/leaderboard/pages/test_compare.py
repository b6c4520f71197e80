"""`/compare`, its CSV and `/api/v1/compare/`: numbers worked by hand, odd questions, bounded work."""

import csv
import io
import time
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from leaderboard.models import Model, Result, Submission, Suite, SuiteTask
from leaderboard.queries.compare import compare
from tests.leaderboard.compared import OTHER, finished, imported, won
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import Element, tree

pytestmark = pytest.mark.django_db
BETA = [1.0, 0.0] * 15


@pytest.fixture
def pair(make_submission: made.Make) -> tuple[Submission, Submission]:
    """On alpha (100 items) the second solves 12 alone, the first 2 alone; on beta (30 items) they agree."""
    second, first = won(12, 2, 50, 36)
    return (
        finished(make_submission, "org/first", {"alpha": first, "beta": BETA}),
        finished(make_submission, "org/second", {"alpha": second, "beta": BETA}),
    )


def ids(*rows: Any, **more: str) -> str:
    named = [("m", f"{'s' if isinstance(row, Submission) else 'i'}{row.pk}") for row in rows]
    return "&".join(f"{name}={quote(value)}" for name, value in [*named, *more.items()])


def api(client: Client, query: str, status: int = 200) -> dict[str, Any]:
    reply = client.get(f"/api/v1/compare/?{query}")
    assert reply.status_code == status, reply.content
    return dict(reply.json())


def page(client: Client, query: str) -> Element:
    reply = client.get(f"/compare?{query}")
    assert reply.status_code == 200
    return tree(reply)


def test_numbers_worked_by_hand(client: Client, pair: tuple[Submission, Submission]) -> None:
    """Exact McNemar, 12 to 2 of 14: 2 (1 + 14 + 91) / 2^14 = 0.01294; with beta's 1 in a family of two, twice that.

    (Beta is no evidence of a difference; all its differences are 0 of 30: Tango says -+ z^2 / (30 + z^2) = 11.35.)
    """
    found = api(client, ids(*pair))
    alpha, beta = (task["models"][1]["against"] for task in found["tasks"])
    assert (alpha["wins"], alpha["losses"], alpha["items"], alpha["test"]) == (12, 2, 100, "McNemar")
    assert alpha["difference"] == pytest.approx(10.0)
    assert alpha["p_unequal"] == pytest.approx(2 * 2 * (1 + 14 + 91) / 2**14)
    assert (alpha["verdict"], alpha["more_items"]) == ("better", None)
    assert alpha["interval"] == pytest.approx([3.100, 18.188], abs=0.001)
    assert (beta["verdict"], beta["difference"], beta["p_unequal"]) == ("undecided", 0, 1)
    assert beta["interval"] == pytest.approx([-11.35, 11.35], abs=0.01)
    assert beta["more_items"] is None  # the two are equal there: no number of items would separate them
    assert found["models"][0]["against"] is None
    assert found["models"][1]["against"]["difference"] == pytest.approx(5.0)  # (10 + 0) / 2
    assert (found["models"][1]["against"]["test"], found["base"]) == ("suite t", f"s{pair[0].pk}")


def test_the_page_says_it_in_words_and_another_base_turns_it_round(
    client: Client, pair: tuple[Submission, Submission]
) -> None:
    found = page(client, ids(*pair))
    alpha = found.one("table", "by-task").all("tr")[1].all("td")[1].text
    assert alpha.startswith("62.0 52.2–70.9 ▲ better +10.0 ")
    assert alpha.endswith("p = 0.026, 100 items")
    turned = page(client, ids(*pair, base=f"s{pair[1].pk}"))
    assert "▼ worse −10.0" in turned.one("table", "by-task").all("tr")[1].all("td")[0].text
    assert found.links()["Item by item"] == f"/diff/s{pair[0].pk}/s{pair[1].pk}"
    assert found.links()["Make base"].endswith(f"base=s{pair[1].pk}")
    assert "equal so far, which no number of items would separate" in found.one("table", "by-task").text


def test_equivalent_depends_on_the_margin(client: Client, make_submission: made.Make) -> None:
    """3 to 3 of 2,000 items: surely less than a point apart, not surely less than 0.1."""
    first, second = won(3, 3, 1994)
    rows = [finished(make_submission, f"org/m{n}", {"alpha": x, "beta": x}) for n, x in enumerate((first, second))]
    assert api(client, ids(*rows))["tasks"][0]["models"][1]["against"]["verdict"] == "equivalent"
    assert api(client, ids(*rows, margin="0.1"))["tasks"][0]["models"][1]["against"]["verdict"] == "undecided"
    assert "Equivalent: it is surely smaller than 1 point." in page(client, ids(*rows)).text


def test_undecided_says_how_many_more_items(client: Client, make_submission: made.Make) -> None:
    """8 to 4 of 100: sd^2 = 0.12 - 0.04^2 (x 100/99); (1.96 + 0.8416)^2 sd^2 / 0.04^2 = 586.6: 100 are there."""
    second, first = won(8, 4, 88)
    rows = [finished(make_submission, f"org/m{n}", {"alpha": x, "beta": x}) for n, x in enumerate((first, second))]
    assert api(client, ids(*rows))["tasks"][0]["models"][1]["against"]["more_items"] == 487
    assert "about 490 more items would separate them" in page(client, ids(*rows)).text


def test_scores_between_right_and_wrong_get_a_t_test(client: Client, make_submission: made.Make) -> None:
    first, second = [0.5, 0.25] * 50, [0.75, 0.5] * 49 + [0.5, 0.5]
    rows = [finished(make_submission, f"org/m{n}", {"alpha": x, "beta": BETA}) for n, x in enumerate((first, second))]
    alpha = api(client, ids(*rows))["tasks"][0]["models"][1]["against"]
    assert (alpha["test"], alpha["verdict"]) == ("t", "better")
    assert "a paired t-test" in page(client, ids(*rows)).one("section", "method").text


def test_partly_common_items_are_compared_on_those_and_say_so(client: Client, make_submission: made.Make) -> None:
    """Items 0-99 and 60-159: 40 are common, and there the second is right on all, the first on none."""
    first = finished(make_submission, "org/first", {"alpha": [1.0] * 60 + [0.0] * 40, "beta": BETA})
    second = finished(make_submission, "org/second", {"alpha": [1.0] * 100, "beta": BETA}, start=60)
    alpha = api(client, ids(first, second))["tasks"][0]["models"][1]["against"]
    assert (alpha["items"], alpha["partly_common"], alpha["wins"], alpha["losses"]) == (40, True, 40, 0)
    found = page(client, ids(first, second))
    assert "40 common items, the sets differ" in found.one("table", "by-task").text
    assert "Different item sets." in found.one("section", "method").text


@pytest.mark.parametrize(("start", "said"), [(100, "no items in common"), (85, "only 15 items in common")])
def test_too_few_common_items_are_a_dash_with_the_reason(
    client: Client, make_submission: made.Make, start: int, said: str
) -> None:
    first = finished(make_submission, "org/first", {"alpha": [1.0, 0.0] * 50, "beta": BETA})
    second = finished(make_submission, "org/second", {"alpha": [1.0, 0.0] * 50, "beta": BETA}, start=start)
    assert f"– not tested: {said}" in page(client, ids(first, second)).one("table", "by-task").text
    reply = api(client, ids(first, second), 409)
    assert (reply["code"], said in reply["message"] or "no task has items" in reply["message"]) == (
        "different_items", True,
    )  # fmt: skip


def test_imports_without_items_are_shown_and_not_tested_those_with_items_are(
    client: Client, suite: Suite, pair: tuple[Submission, Submission]
) -> None:
    scores = {"alpha": won(12, 2, 50, 36)[0], "beta": BETA}
    bare, whole = imported(suite, "else/bare", scores), imported(suite, "else/whole", scores, items=True)
    found = page(client, ids(pair[0], bare, whole))
    cells = found.one("table", "by-task").all("tr")[1].all("td")
    assert cells[1].text.startswith("62.0") and "– not tested: it was imported without its items" in cells[1].text
    assert "▲ better +10.0" in cells[2].text
    assert found.text.count("Imported, not verified here") == 2
    assert api(client, ids(pair[0], bare), 409)["code"] == "different_items"
    assert (
        api(client, ids(pair[0], bare, whole))["models"][1]["against"]["reason"] == "it was imported without its items"
    )


def test_a_task_that_was_not_measured_is_a_dash_and_the_suite_says_over_how_many(
    client: Client, make_submission: made.Make, pair: tuple[Submission, Submission]
) -> None:
    third = finished(make_submission, "org/third", {"alpha": [1.0] * 100})
    found = page(client, ids(pair[0], third))
    assert found.one("table", "by-task").all("tr")[2].all("td")[1].text == "–No data."
    assert "1 of 2 tasks" in found.text


def test_why_a_model_is_not_ranked_is_said_here_too(client: Client, pair: tuple[Submission, Submission]) -> None:
    Submission.objects.filter(pk=pair[1].pk).update(unranked_reason="Nobody trusts its worker.")
    assert "Not ranked. Nobody trusts its worker." in page(client, ids(*pair)).one("table", "overall").text


def test_a_name_is_its_newest_submission_or_else_its_current_import(
    client: Client, suite: Suite, make_submission: made.Make, pair: tuple[Submission, Submission]
) -> None:
    newer = finished(make_submission, "org/first", {"alpha": [1.0] * 100, "beta": BETA}, settings=OTHER)
    outside = imported(suite, "else/model", {"alpha": [1.0, 0.0], "beta": BETA})
    imported(suite, "org/first", {"alpha": [1.0, 0.0], "beta": BETA})
    found = page(client, "suite=tiny@1&m=org/first&m=org/second&m=else/model&base=org/second")
    assert f"m=s{newer.pk}&m=s{pair[1].pk}&m=i{outside.pk}" in found.links()["Download CSV"]
    assert found.links()["Download CSV"].endswith(f"base=s{pair[1].pk}")


LONG = "m=s1&m=s2&" + "x" * 10_000


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("m=s999999&m=S1", 404), ("m=i999999&m=S1", 404), ("m=S1&m=S1", 400), ("m=S1&m=org/first", 400),
        ("m=S1&m=S2&suite=none@1", 404), ("m=S1&m=S2&suite=%00", 404), ("m=S1&m=%00", 400),
        ("m=S1&m=" + "x" * 300, 400),
        ("m=S1&m=nobody/here", 404), ("m=S1&m=S2&margin=x", 400), ("m=S1&m=S2&margin=-1", 400),
        ("m=S1&m=S2&margin=nan", 400), ("m=S1&m=S2&margin=1e3", 400), ("m=S1&m=S2&margin=51", 400),
        ("m=S1&m=S2&margin=%00", 400), ("m=S1&m=S2&margin=%D9%A1", 400), ("m=S1&m=S2&base=s999", 400), (LONG, 400),
        ("m=s" + "9" * 30 + "&m=S1", 404), ("m=s999999999999999999&m=S1", 404),
        ("&".join(f"m=s{n}" for n in range(1, 10)), 400),
        ("m=S1&m=%ED%A0%80", 404), ("m=s0&m=S1", 404), ("m=S1&m=s%D9%A1", 404),
    ],
)  # fmt: skip
def test_odd_questions_are_refused_in_words(
    client: Client, pair: tuple[Submission, Submission], query: str, status: int
) -> None:
    for place, row in enumerate(pair, start=1):
        query = query.replace(f"S{place}", f"s{row.pk}")
    reply = client.get(f"/compare?{query}")
    assert (reply.status_code, len(tree(reply).one("p", "lede").text) > 20) == (status, True)
    assert client.get(f"/compare.csv?{query}").status_code == status
    assert api(client, query, status)["message"]


@pytest.mark.parametrize("state", ["queued", "running", "failed", "quarantined"])
def test_what_has_no_result_that_counts_is_not_compared(
    client: Client, make_submission: made.Make, worker_token: Any, pair: tuple[Submission, Submission], state: str
) -> None:
    row = made.in_state(state, make_submission, worker_token)
    assert f"is {state}" in api(client, ids(pair[0], row), 404)["message"]


def test_other_suites_are_other_questions(
    client: Client, make_submission: made.Make, pair: tuple[Submission, Submission]
) -> None:
    other = made.end(make_submission("org/else", description="other"), "succeeded", score=1.0)
    assert "different suites: tiny@1 and tiny@2" in api(client, ids(pair[0], other), 400)["message"]
    assert "not of tiny@1" in api(client, ids(pair[0], other, suite="tiny@1"), 400)["message"]


def test_fewer_than_two_are_a_form_on_the_page_and_refused_by_the_rest(
    client: Client, pair: tuple[Submission, Submission]
) -> None:
    for query in ("", "m=&m=", ids(pair[0]), "suite=tiny@1"):
        form = page(client, query).one("form", "form")
        assert form["action"] == "/compare"
        assert client.get(f"/compare.csv?{query}").status_code == 400
        assert api(client, query, 400)["code"] == "bad_m"
    found = page(client, ids(pair[0]))
    assert [one["value"] for one in found.all("option")] == ["org/first", "org/second"]
    assert found.one("input", name="m", type="hidden")["value"] == f"s{pair[0].pk}"
    assert tree(client.get(f"/submissions/{pair[0].pk}")).links()["Compare with…"] == f"/compare?m=s{pair[0].pk}"


def test_the_form_offers_at_most_200_names(client: Client, suite: Suite, make_submission: made.Make) -> None:
    made.many(make_submission, suite, 230)
    assert len(page(client, "").all("option")) - 1 == 200  # one is the suite


def test_csv_holds_all_and_no_formula(client: Client, pair: tuple[Submission, Submission]) -> None:
    Model.objects.filter(name="org/first").update(name="=cmd|' /C calc'!A0")
    reply = client.get(f"/compare.csv?{ids(*pair)}")
    assert reply["Content-Type"] == "text/csv; charset=utf-8"
    lines = list(csv.DictReader(io.StringIO(reply.content.decode())))
    assert [(line["task"], line["id"]) for line in lines] == [
        (task, f"s{row.pk}") for task in ("", "alpha", "beta") for row in pair
    ]
    assert lines[0]["model"] == "'=cmd|' /C calc'!A0"
    alpha = lines[3]
    assert (alpha["verdict"], alpha["test"], float(alpha["difference"])) == ("better", "McNemar", 10.0)
    turned = csv.DictReader(
        io.StringIO(client.get(f"/compare.csv?{ids(*pair, base=f's{pair[1].pk}')}").content.decode())
    )
    assert [line["difference"] for line in turned][2] == "-10"  # a number stays one


def big(make: made.Make, suite: Suite, models: int, tasks: int, items: int) -> list[Submission]:
    """Half of the tasks are right or wrong, half have scores between."""
    for place in range(2, tasks):
        SuiteTask.objects.create(
            suite=suite, position=place, task=f"t{place}", title=f"Task {place}", metric="acc", filter="none"
        )
    scores = {
        n: {
            task.task: [
                float((item * 7919 + n * 131 + at * 17) % 100 < 60 + n)
                if at % 2
                else ((item * 31 + n * 7 + at) % 97) / 97
                for item in range(items)
            ]
            for at, task in enumerate(suite.tasks.all())
        }
        for n in range(models)
    }
    return [finished(make, f"org/m{n}", of) for n, of in scores.items()]


def test_eight_models_on_forty_tasks_of_a_thousand_items_take_less_than_a_second(
    client: Client, make_submission: made.Make, suite: Suite
) -> None:
    rows = big(make_submission, suite, 8, 40, 1_000)
    page(client, ids(*rows[:2]))  # templates are read once
    for path in ("/compare", "/api/v1/compare/", "/compare.csv"):
        with CaptureQueriesContext(connection) as queries:
            started = time.process_time()
            assert client.get(f"{path}?{ids(*rows)}").status_code == 200
            spent = time.process_time() - started
        seconds = sum(float(query["time"]) for query in queries)
        print(f"{path}: {spent:.2f} s CPU, {len(queries)} queries, {seconds:.3f} s in the database")
        assert spent < 1
        assert len(queries) <= 7


def test_queries_do_not_grow_with_models_or_differing_item_sets(
    make_submission: made.Make, suite: Suite, django_assert_max_num_queries: Any
) -> None:
    rows = [finished(make_submission, f"org/m{n}", {"alpha": BETA * 4, "beta": BETA * 4}, start=n) for n in range(8)]
    imports = [imported(suite, f"else/m{n}", {"alpha": BETA, "beta": BETA}) for n in range(2)]
    with django_assert_max_num_queries(7):
        compare(asked=[f"s{row.pk}" for row in rows[:6]] + [f"i{row.pk}" for row in imports])
    with django_assert_max_num_queries(7):
        compare(asked=[f"org/m{n}" for n in range(6)] + ["else/m0", "else/m1"], suite="tiny@1")
    assert Result.objects.count() == 16
