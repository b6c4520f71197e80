"""Every page in every shape it takes, as its reader gets it: what the rules of all pages are tested with."""

import hashlib
import re
from dataclasses import dataclass, field

import pytest
from django.http import HttpResponse
from django.test import Client

from evaluator.contract import Price, Spent
from leaderboard.actions.accounts import create_person
from leaderboard.actions.claims import seed_claims
from leaderboard.actions.validate import accept
from leaderboard.models import Bakeoff, Claim, Submission, Suite, User, WorkerToken
from leaderboard.queries import submissions
from tests.conftest import release_suite
from tests.leaderboard import bakeoffs, endpoints, judgings
from tests.leaderboard.endpoints import generated_suite
from tests.leaderboard.pages import answered, made
from tests.leaderboard.path import pinned

HTMX = {"HX-Request": "true"}
PRICE = Price(input=1.0, output=4.0, cached=0.1)
SPENT = Spent(
    requests=40, input_tokens=30_000, output_tokens=9_000, cached_tokens=2_000, dollars=1.25, errors={"429": 3},
    unknown=1, p50_seconds=0.8, p95_seconds=2.5, p50_first_token_seconds=0.2,
)  # fmt: skip
STATES = [state.value for state in Submission.State if state != Submission.State.PAUSED]
"""Endpoints alone are paused."""
ENDED = {"succeeded", "rejected", "failed", "cancelled", "quarantined", "retracted"}
ITEM = hashlib.sha256(b"alpha1").hexdigest()
CHOICES = {"prompts": ("Q␟ a", "Q␟ b"), "responses": ("(-1.0, True)", "(-2.0, False)"), "target": "0"}
Pages = dict[str, HttpResponse]


@dataclass
class Site:
    """What there is to read, and who reads: anybody, and Ada, who is logged in."""

    make: made.Make
    suite: Suite
    worker: WorkerToken
    person: User
    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))
    member: Client = field(default_factory=Client)

    def __post_init__(self) -> None:
        self.member.force_login(self.person)


def every_page(
    make: made.Make, suite: Suite, worker: WorkerToken, person: User, monkeypatch: pytest.MonkeyPatch
) -> Pages:
    """In this order: what is on the site grows."""
    site = Site(make, suite, worker, person)
    got: Pages = {"board, empty": site.client.get("/")}
    for pages in (
        in_every_state,
        compared,
        baked,
        ranked,
        read,
        forms,
        refused,
        at_endpoints,
        answered_items,
        own_prompts,
    ):
        got |= pages(site)
    made.many(make, suite, 60)
    got["board, pages"] = site.client.get("/?page=2")
    monkeypatch.setattr(submissions, "queue", lambda: 1 / 0)
    return got | {"500": site.client.get("/queue")}


def in_every_state(site: Site) -> Pages:
    """A submission in each state, and the lists that it stands in."""
    got: Pages = {}
    for state in STATES:
        row = made.in_state(state, site.make, site.worker)
        reader = site.member if state in {"queued", "running"} else site.client
        got[f"submission, {state}"] = reader.get(f"/submissions/{row.pk}")
        got[f"submission, {state}, part"] = reader.get(f"/submissions/{row.pk}", headers=HTMX)
        if state not in ENDED:
            got[f"queue, {state}"] = site.client.get("/queue")
            got[f"status, {state}"] = site.client.get("/status")
            made.end(row, "cancelled")
    return got


def compared(site: Site) -> Pages:
    """Two measured models: their samples, one against the other, and both pinned on the board."""
    row = made.measure(site.make("org/sampled"), site.worker, [1.0, 0.5] * 15, {0: CHOICES, 4: CHOICES})
    other = made.measure(site.make("org/other"), site.worker, [1.0, 1.0, 0.5] * 10, {0: CHOICES})
    samples, both = f"/submissions/{row.pk}/samples/alpha", f"m=s{row.pk}&m=s{other.pk}"
    made.ranked(site.make, site.suite)
    return shown(site.client, {
        "samples": samples,
        "samples, wrong": f"{samples}?show=wrong",
        "samples, page": f"{samples}?page=2",
        "samples, no page": f"{samples}?page=3",
        "samples, unknown": f"{samples}x",
        "samples, looked for": f"{samples}?q=2&answered=yes&longer=1",
        "samples, none": f"{samples}?q=nothing",
        "samples, bad": f"{samples}?longer=x",
        "sample": f"{samples}?item={ITEM}",
        "item": f"/items/alpha/{ITEM}",
        "item, unknown": "/items/alpha/x",
        "compare, form": "/compare",
        "compare, one": f"/compare?m=s{row.pk}",
        "compare": f"/compare?{both}",
        "compare, bad": f"/compare?{both}&margin=x",
        "diff": f"/diff/s{row.pk}/s{other.pk}",
        "diff, regressed": f"/diff/s{row.pk}/s{other.pk}?show=regressed&task=alpha",
        "diff, unknown": f"/diff/s{row.pk}/s0",
        "board, pinned": f"/?pin=s{row.pk}&open=s{row.pk}&pin=s{other.pk}",
    })  # fmt: skip


def baked(site: Site) -> Pages:
    """A bake-off: its form, one that runs, one that has ended, answers side by side, the decision, and its link."""
    version = bakeoffs.kept(site.person.owner, 40)
    member, at = site.member, f"/workloads/{version.workload_id}/bakeoffs"
    form = {"version": "1", "models": "org/one\norg/two", "dtype": "auto", "margin": "2"}
    row = bakeoffs.begun(version, "org/one", "org/two")
    got: Pages = {
        "bakeoff, form": member.get(f"{at}/new"),
        "bakeoff, wrong": member.post(f"{at}/new", {"version": "1", "models": "a"}),
        "bakeoff, estimate": member.post(f"{at}/new", form),
        "bakeoff, begun": member.get(f"{at}/{row.pk}/"),
        "bakeoff, begun, part": member.get(f"{at}/{row.pk}/", headers=HTMX),
    }
    for one in Submission.everything.filter(bakeoff_entries__bakeoff=row):
        accept(one, pinned(one.requested_model))
    bakeoffs.worked(site.worker, lambda model, n: str(n + (model == "org/one")) if n % 3 else "I cannot help with it.")
    got |= shown(member, {
        "bakeoff": f"{at}/{row.pk}/",
        "bakeoff, bad": f"{at}/{row.pk}/?margin=x",
        "bakeoff, unknown": f"{at}/0/",
        "bakeoff, answers": f"{at}/{row.pk}/items?show=all",
        "bakeoff, no answers": f"{at}/{row.pk}/items?show=second",
        "bakeoff, switch": f"{at}/{row.pk}/switch?context=8000&licence=permissive",
        "bakeoff, workload": f"/workloads/{version.workload_id}",
    })  # fmt: skip
    got["bakeoff, link"] = member.post(f"{at}/{row.pk}/share", {"days": "3"})
    link = re.search(r"/shared/share_[0-9a-f]+", got["bakeoff, link"].content.decode())
    assert link is not None
    got |= judged(site, row, f"{at}/{row.pk}/judgings")
    return got | {"bakeoff, judged": member.get(f"{at}/{row.pk}/"), "bakeoff, shared": site.client.get(link[0])}


def judged(site: Site, row: Bakeoff, at: str) -> Pages:
    """A judging: its form, one whose judges wait, one with verdicts, and what a person grades."""
    member = site.member
    form = {"one": "1", "other": "2", "form": "pairs", "rubric": "The right one.", "items": "9", "dtype": "auto",
            "models": "org/one"}  # fmt: skip
    got: Pages = {
        "judging, form": member.get(f"{at}/new"),
        "judging, wrong": member.post(f"{at}/new", form | {"rubric": "", "models": "a"}),
        "judging, its own": member.post(f"{at}/new", form | {"begin": "1"}),
        "judging, estimate": member.post(f"{at}/new", form),
    }
    made = judgings.begun(row, "org/one", "sage/judge", confirmed=True)
    got["judging, begun"] = member.get(f"{at}/{made.pk}/")
    got["judging, begun, part"] = member.get(f"{at}/{made.pk}/", headers=HTMX)
    for one in Submission.everything.filter(judge__judging=made):
        accept(one, pinned(one.requested_model))
    judgings.worked(site.worker, {"org/one": judgings.longer, "sage/judge": judgings.first_place})
    got["judging, grade"] = member.get(f"{at}/{made.pk}/grade")
    for number in range(made.n):
        member.post(f"{at}/{made.pk}/grade", {"number": str(number), "choice": ("left", "tie", "pass")[number % 3]})
    return got | shown(member, {
        "judging": f"{at}/{made.pk}/",
        "judging, verdicts": f"{at}/{made.pk}/items?by=2&show=turned",
        "judging, no such verdicts": f"{at}/{made.pk}/items?show=unreadable",
        "judging, another judge": f"{at}/{made.pk}/judges",
        "judging, all graded": f"{at}/{made.pk}/grade",
        "judging, unknown": f"{at}/0/",
    })  # fmt: skip


def shown(reader: Client, paths: dict[str, str]) -> Pages:
    return {name: reader.get(path) for name, path in paths.items()}


def ranked(site: Site) -> Pages:
    """The board in its shapes."""
    got: Pages = {"board, part": site.client.get("/", headers=HTMX)}
    got["board, logged in"] = site.member.get("/?sort=-alpha")
    return got | shown(site.client, {
        "board": "/?kind=proprietary",
        "board, picked": "/?col=alpha&w.alpha=2&w.beta=1&scores=percentile",
        "board, bad pin": "/?pin=x",
        "embed": "/embed?suite=tiny@1",
        "embed, empty": "/embed?suite=tiny@1&search=nobody",
        "board, no match": "/?search=nobody",
        "board, bad sort": "/?sort=x",
        "board, unknown": "/?suite=x",
    })  # fmt: skip


def read(site: Site) -> Pages:
    """What else there is to read."""
    parts = {f"{name}, part": site.client.get(f"/{name}", headers=HTMX) for name in ("queue", "status")}
    return parts | shown(site.client, {
        "queue": "/queue",
        "status": "/status",
        "models": "/models/",
        "models, none": "/models/?search=nobody",
        "models, bad": "/models/?kind=x",
        "model": "/models/org/best",
        "model, unknown": "/models/org/nothing",
        "changelog": "/changelog",
        "method": "/method",
        "claims": "/claims",
        "gap": "/gap",
        "gap, task": "/gap?task=alpha",
        "gap, unknown": "/gap?task=nothing",
        "suites": "/suites/",
        "suite": "/suites/tiny/1",
        "suite, unknown": "/suites/tiny/9",
        "task, few models": "/tasks/alpha",
        "task, unknown": "/tasks/nothing",
        "api": "/api/docs",
        "404": "/nothing",
    })  # fmt: skip


def forms(site: Site) -> Pages:
    """Forms, empty and sent."""
    client, member = site.client, site.member
    return {
        "submit": member.get("/submit"),
        "submit, wrong": member.post("/submit", {"model": "a", "suite": "x"}),
        "notices, empty": member.get("/settings/notices"),
        "notices, wrong": member.post("/settings/notices", {"url": "https://127.0.0.1/"}),
        "notices, added": member.post("/settings/notices", {"url": "https://hooks.example.org/"}),
        "tco": client.get("/tco"),
        "tco, wrong": client.get("/tco?price=x&curve=y&own_input=1"),
        "tco, calculated": client.get("/tco?throughput=900&price=2&own_input=1&own_output=4&cached=20"),
        "tco, part": client.get("/tco?throughput=900&price=2&own_input=1&own_output=4", headers=HTMX),
        "login": client.get("/login?next=/submit"),
        "login, wrong": client.post("/login", {"login": "a", "password": "b"}),
        "login, logged in": member.get("/login"),
        "signup": client.get("/signup"),
        "signup, wrong": client.post("/signup", {"username": "a b", "email": "x", "password1": "password"}),
        "password, forgotten": client.get("/login/password"),
        "password, sent": client.get("/login/password/sent"),
        "password, link over": client.get("/login/password/1-x-y"),
        "email, link over": client.get("/login/verify/x"),
        "email, sent": client.get("/login/verify"),
        "inactive": client.get("/login/inactive"),
        "again": member.get("/login/again"),
        "account": member.get("/settings/account"),
        "sessions": member.get("/settings/sessions"),
        "email": member.get("/settings/email"),
        "elsewhere": member.get("/settings/elsewhere"),
        "second factor": member.get("/settings/second-factor"),
        "staff": staff_of().get("/staff"),
        **staffs_claims(Client()),
        "delete": member.get("/settings/account/delete"),
        "organisations, none": member.get("/settings/organisations"),
        "organisation, made": member.post("/settings/organisations", {"name": "laboratory"}, follow=True),
        "organisations": member.get("/settings/organisations"),
        "tokens, none": member.get("/settings/tokens"),
        "tokens, wrong": member.post("/settings/tokens", {"name": ""}),
        "tokens, made": member.post("/settings/tokens", {"name": "nightly", "days": "7", "scopes": ["submit"]}),
        "tokens": member.get("/settings/tokens"),
    }


def staff_of() -> Client:
    client = Client()
    client.force_login(create_person(username="root", password=None, staff=True))
    return client


def staffs_claims(client: Client) -> Pages:
    """The staff's forms of claims, right and wrong."""
    client.force_login(User.objects.get(username="root"))
    seed_claims()
    new = "/staff/claims/new/"
    got = {f"claim, new {test}": client.get(new + test) for test in ("not_behind", "cheaper", "longer_context")}
    number = Claim.objects.latest("pk").pk
    got["claim, wrong"] = client.post(f"{new}not_behind", {"tasks": "x", "margin": "-1", "text": "<b>"})
    got["claim, amended"] = client.get(f"/staff/claims/{number}")
    client.post(f"/staff/claims/{number}", {"act": "withdraw", "reason": "It <i>was</i> misquoted."})
    return got | {"claims, staff": client.get("/staff/claims"), "claims": client.get("/claims")}


def refused(site: Site) -> Pages:
    """What nobody may do, or not so."""
    return {
        "logout": site.client.get("/logout"),
        "cancel": site.client.post("/submissions/1/cancel"),
        "403": Client(enforce_csrf_checks=True).post("/login"),
        "400": site.client.get("/", headers={"host": "evil.example"}),
    }


def at_endpoints(site: Site) -> Pages:
    """Endpoints: their form, and submissions that run, pause, and were refused."""
    client, member = site.client, site.member
    generated_suite()
    got: Pages = {
        "submit endpoint": member.get("/submit/endpoint"),
        "submit endpoint, wrong": member.post("/submit/endpoint", {"base_url": "https://127.0.0.1/", "suite": "x"}),
    }
    row, spec = endpoints.running(site.person.owner, site.worker, price=PRICE, budget_dollars=2.0)
    endpoints.beat(spec, SPENT)
    address = f"/submissions/{row.pk}"
    got |= {"endpoint, running": client.get(address), "endpoint, part": client.get(address, headers=HTMX)}
    endpoints.fail(spec, "budget", code="budget", message="The budget of $2.00 is used up.", spent=SPENT)
    got |= {
        "endpoint, paused": member.get(address),
        "endpoint, paused, part": member.get(address, headers=HTMX),
        "drift, nothing": client.get(f"/endpoints/{row.use.endpoint_id}/drift"),
        "submit endpoint, again": member.get(f"/submit/endpoint?again={row.pk}"),
    }
    rejected = endpoints.submitted(site.person.owner, model="another")
    got["endpoint, validating"] = member.get(f"/submissions/{rejected.pk}")
    endpoints.fail(endpoints.claimed(site.worker), "model", code="unauthorised", message="It answered 401.")
    return got | {"endpoint, rejected": member.get(f"/submissions/{rejected.pk}")}


def answered_items(site: Site) -> Pages:
    """A task that many models answered, and a suite with two versions."""
    answered.answered(site.make, site.suite, [[0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]] * 3)
    got = shown(site.client, {"task": "/tasks/alpha", "suite, spread": "/suites/tiny/1"})
    second = release_suite("Another version.")
    return got | shown(
        site.client, {"suite, changed": f"/suites/tiny/{second.version}", "suite, older": "/suites/tiny/1"}
    )


def own_prompts(site: Site) -> Pages:
    """A workload from its upload to its receipt."""
    member, lines = site.member, '{"prompt": "a <b>", "reference": "b", "tags": ["t"], "production": "b"}\n' * 3
    got = {"workloads, none": member.get("/workloads/"), "upload": member.get("/workloads/new")}
    got["upload, wrong"] = member.post("/workloads/new", {"text": '{"prompt": 1'})
    address = member.post("/workloads/new", {"text": lines + '{"prompt": "ada@example.org", "x": ""}\n'})["Location"]
    got |= {
        "draft": member.get(address),
        "draft, wrong": member.post(address, {"column-0": "prompt", "column-1": "prompt"}),
        "scoring": member.get(f"{address}/scoring"),
        "scoring, tried": member.post(f"{address}/scoring", {"kind": "rouge", "answer-0": "b c"}),
        "scoring, part": member.post(f"{address}/scoring", {"kind": "rouge", "answer-0": "b c"}, headers=HTMX),
        "scoring, wrong": member.post(f"{address}/scoring", {"kind": "regex", "do": "keep"}),
        "workloads, held": member.get("/workloads/"),
    }
    kept = {"kind": "exact", "name": "Own", "do": "keep", "leave_out": "on"}
    address = member.post(f"{address}/scoring", kept)["Location"]
    got["items, wrong"] = member.post(f"{address}/items", {"number": "1", "do": "out", "place": "0"})
    return got | {
        "workloads": member.get("/workloads/"),
        "workload": member.get(address),
        "items": member.get(f"{address}/items"),
        "items, out": member.get(f"{address}/items?show=out"),
        "scoring, again": member.get(f"{address}/scoring"),
        "upload, again": member.get(f"/workloads/new?to={address.rpartition('/')[2]}"),
        "workload, unknown": member.get("/workloads/0"),
        "receipt": member.post(f"{address}/delete"),
    }
