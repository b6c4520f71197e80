import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from evaluator.contract import Settings
from leaderboard.actions.rank import build_snapshot
from leaderboard.models import Model, Revision, Submission, Suite
from leaderboard.queries.repeat import repeat_command
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import Element, tree

pytestmark = pytest.mark.django_db


def page(client: Client, name: str = "org/model") -> Element:
    reply = client.get(f"/models/{name}")
    assert reply.status_code == 200
    return tree(reply)


def cells(table: Element) -> list[list[str]]:
    return [[cell.text for cell in line.all() if cell.tag in {"th", "td"}] for line in table.one("tbody").all("tr")]


@pytest.mark.parametrize("name", ["org/none", "ORG/model", "org/model%00", "org/%3Cscript%3E", "org/" + "m" * 3_000])
def test_an_unknown_model_is_404_in_plain_words(client: Client, make_submission: made.Make, name: str) -> None:
    make_submission()
    reply = client.get(f"/models/{name}")
    assert reply.status_code == 404
    assert tree(reply).one("p", "lede").text.startswith("There is no model '")


@pytest.mark.parametrize("path", ["/models/org", "/models/org/", "/models/org/a/b"])
def test_what_is_no_models_address_is_404(client: Client, db: None, path: str) -> None:
    reply = client.get(path)
    assert reply.status_code == 404
    assert tree(reply).one("h1").text == "Not found"


def test_facts_are_told(client: Client, make_submission: made.Make) -> None:
    make_submission()
    Model.objects.update(
        licence="mit", base_model="org/base", modalities=["text", "image"], released_on="2026-03-01", kind="proprietary"
    )
    facts = [fact.text for fact in page(client).one("p", "facts").all("span")]
    assert facts == ["proprietary", "licence mit", "from org/base", "text, image", "released 1 Mar 2026"]


def test_revisions_are_listed_newest_first(client: Client, make_submission: made.Make) -> None:
    made.end(make_submission(sha="a" * 40), "failed")
    make_submission(sha="b" * 40)
    Revision.objects.filter(sha="b" * 40).update(
        architecture="LlamaForCausalLM", parameters=46_700_000_000, active_parameters=12_900_000_000,
        context_length=32_768, dtype="bfloat16", chat_template=True, source="hub",
    )  # fmt: skip
    table = page(client).one("div", "pane", aria_label="Revisions")
    assert cells(table) == [
        [
            "bbbbbbbbbbbb", "Hugging Face Hub", "LlamaForCausalLM", "46.7 B (12.9 B active)", "32768", "bfloat16",
            "yes",
        ],
        ["aaaaaaaaaaaa", "local mirror", "–", "–", "–", "–", "no"],
    ]  # fmt: skip


def test_it_stands_where_the_newest_rankings_put_it(client: Client, make_submission: made.Make, suite: Suite) -> None:
    row = made.succeed(make_submission(), 50.0)
    build_snapshot(suite=suite)
    made.succeed(make_submission("org/better"), 90.0)
    build_snapshot(suite=suite)
    table = page(client).one("div", "pane", aria_label="Rankings")
    assert [line[:4] for line in cells(table)] == [["tiny@1", "2", "50.00", "± 1.00"]]
    board, submission = (table.links()[text] for text in ("tiny@1", "aaaaaaaa"))
    assert board == f"/?suite=tiny%401&search=org/model#s{row.pk}"
    assert submission == f"/submissions/{row.pk}"
    assert tree(client.get(board)).one("tr", id=f"s{row.pk}")


def test_a_result_without_a_rank_says_why(client: Client, make_submission: made.Make, suite: Suite) -> None:
    made.succeed(make_submission(), None, reason=made.REASON)
    made.succeed(make_submission("org/unsure"), 50.0, stderr=None, reason="There is no standard error for Alpha.")
    build_snapshot(suite=suite)
    missing = page(client).one("div", "pane", aria_label="Rankings")
    assert cells(missing)[0][1:4] == ["–", "–", f"Not ranked. {made.REASON}"]
    unsure = page(client, "org/unsure").one("div", "pane", aria_label="Rankings")
    assert cells(unsure)[0][1:4] == ["–", "50.00", "–"]
    assert cells(unsure)[1] == ["Not ranked. There is no standard error for Alpha."]


def test_before_its_first_result_it_says_what_to_do(client: Client, make_submission: made.Make) -> None:
    make_submission()
    assert page(client).one("div", "empty").links() == {"Submit it to a suite": "/submit?model=org/model"}


def test_every_attempt_is_listed(client: Client, make_submission: made.Make) -> None:
    failed = made.end(make_submission(), "failed")
    done = made.succeed(make_submission(), 61.25, stderr=1.5)
    listed = page(client).one("ul", "lines")
    assert [link["href"] for link in listed.all("a")] == [f"/submissions/{done.pk}", f"/submissions/{failed.pk}"]
    assert [line.one("span", "middle").text for line in listed.all("li")] == ["Succeeded 61.25 ± 1.50", "Failed"]


def test_a_model_that_was_only_asked_for_lists_no_attempts_of_others(
    client: Client, make_submission: made.Make
) -> None:
    make_submission("org/other")
    Model.objects.create(name="org/model")
    assert page(client).one("p", "none").text == "Nobody has submitted it yet."


def test_hostile_facts_are_text(client: Client, make_submission: made.Make) -> None:
    make_submission("<b>/\u202emodel")
    Model.objects.update(licence="<script>alert(1)</script>", base_model="\u2066x")
    Revision.objects.update(architecture="<i>\u202e", dtype="<u>")
    found = page(client, "%3Cb%3E/%E2%80%AEmodel")
    assert found.one("h1").text == "⟨U+202E⟩model"
    assert "licence <script>alert(1)</script> from ⟨U+2066⟩x" in found.one("p", "facts").text
    assert cells(found.one("div", "pane", aria_label="Revisions"))[0][2] == "<i>⟨U+202E⟩"


def test_every_model_on_the_board_has_its_page(client: Client, board: dict[str, Submission]) -> None:
    links = [link["href"] for link in tree(client.get("/")).all("a", "name")]
    assert [client.get(link).status_code for link in links] == [200] * 4


def test_every_task_has_its_interval_and_its_place(client: Client, peers: Submission) -> None:
    table = page(client).one("div", "pane", aria_label="Scores by task on tiny@1")
    alpha, beta = cells(table)
    assert alpha == ["Alpha", "90.0 88.0–92.0 98th"]
    assert beta == ["Beta", "20.0 18.0–22.0 2nd"]
    foot = [cell.text for cell in table.one("tfoot").all("td")]
    assert foot == ["55.00 53.0–57.0 55th"]


def test_strengths_need_enough_tasks_and_say_so(client: Client, peers: Submission) -> None:
    reading = page(client).one("p", "reading").text
    assert "the share of the 20 other evaluations of models of its size (4–10 B) measured here" in reading
    assert "Too few to say what stands out: that takes 10 others and 3 tasks." in reading


def test_without_a_size_there_is_no_class(client: Client, make_submission: made.Make, suite: Suite) -> None:
    made.succeed(make_submission(), 50.0)
    build_snapshot(suite=suite)
    assert page(client).one("p", "reading").text.startswith("Its size is not known")


def test_revisions_and_precisions_stand_beside_each_other(
    client: Client, make_submission: made.Make, suite: Suite
) -> None:
    first = made.succeed(make_submission(), 50.0)
    second = made.succeed(make_submission(settings=Settings(dtype="float16")), 40.0)
    third = made.succeed(make_submission(sha="b" * 40), 30.0)
    build_snapshot(suite=suite)
    found = page(client)
    table = found.one("div", "pane", aria_label="Scores by task on tiny@1")
    assert [head.text for head in table.one("thead").all("th")] == [
        "Task", "vLLM aaaaaaaa", "float16 aaaaaaaa", "vLLM bbbbbbbb"
    ]  # fmt: skip
    keys = "&".join(f"m=s{row.pk}" for row in (first, second, third))
    assert found.links()["Compare these item by item"] == f"/compare?suite=tiny%401&{keys}"
    assert client.get(found.links()["Compare these item by item"]).status_code in {200, 400}


def test_history_is_a_chart_with_a_twin_and_a_csv(client: Client, make_submission: made.Make, suite: Suite) -> None:
    rows = [made.succeed(make_submission(sha=f"{index:040x}"), 50.0 + index) for index in range(3)]
    build_snapshot(suite=suite)
    found = page(client)
    data = json.loads(found.one("script", type_="application/json").raw)
    assert [point["score"] for point in data["points"]] == [52.0, 51.0, 50.0]
    assert data["points"][0]["url"] == f"/submissions/{rows[2].pk}"
    assert [line[4] for line in cells(found.one("div", "pane", aria_label="Scores over time"))] == [
        "52.00", "51.00", "50.00"
    ]  # fmt: skip
    csv = client.get("/models/history.csv?model=org/model").content.decode().splitlines()
    assert len(csv) == 4
    assert csv[1].startswith(f"tiny@1,s{rows[2].pk},")
    assert len(client.get("/models/scores.csv?model=org/model").content.decode().splitlines()) == 7


def test_a_single_score_is_a_table_without_a_chart(client: Client, make_submission: made.Make, suite: Suite) -> None:
    made.succeed(make_submission(), 50.0)
    found = page(client)
    assert not found.all("script", type_="application/json")
    assert "open" in found.one("details", "twin").attributes


def test_the_tree_names_what_is_not_here_and_counts_the_rest(
    client: Client, make_submission: made.Make, suite: Suite
) -> None:
    made.many(make_submission, suite, 15)
    Model.objects.exclude(name="org/m000").update(base_model="org/m000")
    Model.objects.filter(name="org/m000").update(base_model="lab/<b>absent\u202e")
    build_snapshot(suite=suite, anew=True)
    lines = [line.text for line in page(client, "org/m000").one("div", "tree").all("li")]
    assert lines[0] == "lab/<b>absent⟨U+202E⟩ not in this catalogue – –"
    assert lines[1].startswith("m000 89.90 –")
    assert lines[2] == "org/m001 89.80 −0.1 ± 2.8"
    assert lines[-1] == "4 more made from it: all 14 on the board"
    link = page(client, "org/m000").links()["all 14 on the board"]
    assert tree(client.get(link)).one("p", "count").text.startswith("14 ")


def test_how_far_it_reads_stands_beside_what_is_advertised(client: Client, make_submission: made.Make) -> None:
    lengths = made.lengths_suite()
    made.at_lengths(make_submission, lengths, {"4096": 0.8})
    Revision.objects.update(context_length=8192)
    found = page(client)
    assert "8.19 k tokens of context, 4.1 k measured" in found.one("p", "facts").text
    assert cells(found.one("div", "pane", aria_label="Scores by length")) == [
        ["4,096", "80.0", "± 2.0", "yes"],
        ["8,192", "–", "–", "No data."],
        ["16,384", "–", "–", "No data."],
    ]
    assert not found.all("div", data_chart="lengths-chart")  # one point is no curve
    made.at_lengths(make_submission, lengths, {"4096": 0.8, "8192": 0.3})
    Revision.objects.update(context_length=8192)
    found = page(client)
    assert cells(found.one("div", "pane", aria_label="Scores by length"))[1] == ["8,192", "30.0", "± 2.0", "no"]
    drawn = json.loads(found.one("script", id="lengths-chart").raw)
    assert [point[:2] for point in drawn["points"]] == [[4096, 80.0], [8192, 30.0]]
    assert (drawn["measured"], drawn["advertised"], drawn["least"]) == (4096, 8192, pytest.approx(72.0))


def test_what_reads_nothing_has_no_measured_context(client: Client, make_submission: made.Make) -> None:
    made.at_lengths(make_submission, made.lengths_suite(), {"4096": 0.1, "8192": 0.1})
    found = page(client)
    assert "No measured context" in found.text
    assert "measured" not in found.one("p", "facts").text


def test_speed_has_its_hardware(client: Client, make_submission: made.Make) -> None:
    row = made.succeed(make_submission(), 50.0)
    told = {"hardware": "1 x <b>H100", "engine": "vllm", "dtype": "bfloat16", "evaluation_seconds": 2.0}
    Submission.objects.filter(pk=row.pk).update(provenance=told)
    assert cells(page(client).one("div", "pane", aria_label="Speed"))[0][:7] == [
        "tiny@1", "4.0 items/s", "–", "–", "vLLM", "bfloat16", "1 x <b>H100"
    ]  # fmt: skip


def test_the_command_repeats_the_best_score(client: Client, make_submission: made.Make, suite: Suite) -> None:
    best = made.succeed(make_submission(), 50.0)
    made.succeed(make_submission(sha="b" * 40), 40.0)
    build_snapshot(suite=suite)
    assert page(client).one("code", id=f"command{best.pk}").raw == repeat_command(best)


@pytest.fixture
def peers(make_submission: made.Make, suite: Suite) -> Submission:
    """org/model, good at alpha and bad at beta, among twenty others of its size."""
    for index in range(20):
        made.succeed(make_submission(f"org/p{index}"), 45.0 + index, tasks={"alpha": 0.4, "beta": 0.5})
    made.succeed(make_submission("org/equal"), 55.0, tasks={"alpha": 0.9, "beta": 0.2})
    row = made.succeed(make_submission(), 55.0, tasks={"alpha": 0.9, "beta": 0.2})
    Revision.objects.update(parameters=7_000_000_000)
    Revision.objects.filter(model__name="org/p19").update(parameters=70_000_000_000)
    build_snapshot(suite=suite)
    return row


@pytest.fixture
def crowded(make_submission: made.Make, suite: Suite) -> None:
    """org/m000 with 300 models made from it and 200 submissions, 100 of them on the board."""
    made.many(make_submission, suite, 301)
    Model.objects.exclude(name="org/m000").update(base_model="org/m000")
    first = Submission.objects.earliest("pk")
    fields = ("owner", "submitter", "suite", "requested_model", "revision", "settings", "settings_digest")
    common = {field: getattr(first, field) for field in fields}
    kept = {"state": "succeeded", "score": 50.0, "stderr": 1.0, "finished_at": timezone.now()}
    for index in range(100):
        digest = {"settings_digest": f"{index:064}"}
        Submission.objects.create(**common | digest | kept, provenance={"evaluation_seconds": 3.0, "log": "x" * 2_000})
        Submission.objects.create(**common | digest, state="failed", error_message="It said why.")
    Revision.objects.update(parameters=7_000_000_000)
    build_snapshot(suite=suite, anew=True)


def test_a_crowded_page_is_quick_and_asks_little(
    client: Client, crowded: None, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    page(client, "org/m000")  # reads the ranking into memory, as a site does once
    times = []
    for _ in range(3):
        started = time.process_time()
        with django_assert_max_num_queries(20):
            reply = client.get("/models/org/m000")
        times.append(time.process_time() - started)
    assert min(times) < 0.15
    assert len(reply.content) < 150_000
    assert "Page 1 of 9" in tree(reply).one("nav", "pager").text


def test_queries_do_not_grow_with_the_attempts(
    client: Client, make_submission: made.Make, suite: Suite, django_assert_max_num_queries: Callable[[int], Any]
) -> None:
    for index in range(8):
        made.succeed(make_submission(sha=f"{index:040x}"), 50.0)
    build_snapshot(suite=suite)
    with django_assert_max_num_queries(20):
        page(client)
