"""The attack: hundreds of hostile texts in every column that people, models and workers fill, and whatever is made of
them is opened in a Chromium. Nothing may run, ask anybody for anything, or be an element.

The windows ignore the site's policy, so that escaping alone is what holds; one more window obeys it, and then no
violation may be reported either. Here some rounds are gone through; `make attack` goes through all, until every text
has stood in every column where it fits.
"""

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import APIResponse, Page
from pytest_django import Settings as DjangoSettings

from leaderboard import environment
from leaderboard.models import Suite, User, WorkerToken
from tests.browser import fields
from tests.browser.attacked import Attacked
from tests.browser.conftest import Open, Visit
from tests.browser.fields import columns, known, rounds
from tests.browser.payloads import FAMILIES, PAYLOADS, packed
from tests.browser.strangers import strangers
from tests.leaderboard.pages import made

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ALL = os.environ.get("PARITY_ATTACK") == "all"
SOME = 3
"""Rounds that `make test` goes through. The first opens every page; each also does one of what else there is to do."""
SHOWN = 60
"""Findings that are printed; an assertion shortens them."""
NOT_OURS = {"api-docs"}
"""Pages whose elements are made by a program of others, of our schema alone: nothing may run there either."""
EXPECTED = ["status of 4", "The specified value", "htmx:oobErrorNoTarget"]
"""A page that says no; a number that is none, in its field; and a part whose neighbours are on its own page alone."""
QUERIES = (
    "search", "q", "sort", "suite", "task", "model", "m", "pin", "open", "margin", "col", "kind", "show", "page",
    "item", "next", "scores", "w.alpha", "filter", "price", "curve", "throughput", "context", "licence", "longer",
    "answered", "revision", "to", "again", "number", "code", "error", "state", "cursor", "format", "days",
)  # fmt: skip
SEND = """async ([address, given]) => {
    const form = Object.assign(document.createElement("form"), { method: "post", action: address });
    const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
    for (const [name, value] of Object.entries({ ...given, csrfmiddlewaretoken: token })) {
        const input = document.createElement("textarea");
        input.name = name;
        input.value = value;
        form.append(input);
    }
    document.body.append(form);
    HTMLFormElement.prototype.submit.call(form);
}"""
SWAP = """async (address) => {
    await htmx.ajax("GET", address, { target: "#main", swap: "innerHTML" });
}"""


@dataclass
class Attack:
    """The windows by who reads in them, and what was found."""

    windows: dict[str, Visit]
    obedient: Visit
    opened: Counter[str] = field(default_factory=Counter)
    strange: list[str] = field(default_factory=list)
    kinds: dict[str, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)
    seen: Counter[int] = field(default_factory=Counter)

    def page(self, role: str) -> Page:
        return self.windows[role].page

    def look(self, page: Page, route: str, address: str, how: str) -> None:
        """What is there that only a hostile text can have made, and what went wrong since the last look."""
        self.opened[how] += 1
        for window in (*self.windows.values(), self.obedient):
            seen = len(window.watch.problems)
            self.strange += [
                f"{how} {address[:90]}: {one}" for one in window.watch.problems[self.seen[id(window)] : seen]
            ]
            self.seen[id(window)] = seen
        if route not in NOT_OURS:
            self.strange += [f"{how} {address[:90]}: {one}" for one in strangers(page)]

    def visit(self, role: str, route: str, address: str, how: str = "pages") -> None:
        """Open a page, as somebody would, also one that says no; what is a file is only asked for."""
        if self.kind(role, route, address) != "file":
            self.page(role).goto(address, wait_until="domcontentloaded")
            self.look(self.page(role), route, address, how)

    def kind(self, role: str, route: str, address: str) -> str:
        """Whether this route's replies are shown by a browser; files are looked at when they are first met."""
        if route not in self.kinds:
            reply = self.page(role).request.get(address, headers={"accept": "text/html,*/*"})
            if reply.status != 200 and shown(reply):
                return "refusal"
            self.kinds[route] = "page" if shown(reply) else "file"
            if self.kinds[route] == "file":
                self.opened["files"] += 1
                self.strange += [f"file {address}: {one}" for one in wrong_file(reply)]
        return self.kinds[route]

    def files(self, attacked: Attacked) -> None:
        """Every file, with the texts that are there now."""
        for route, role, address in attacked.pages():
            if self.kinds.get(str(route.name)) == "file":
                self.opened["files"] += 1
                self.strange += [f"file {address}: {one}" for one in wrong_file(self.page(role).request.get(address))]

    def obey(self, route: str, role: str, address: str) -> None:
        """Once more, in the window that obeys the policy: it reports what it stops."""
        if role == "owner" and self.kinds.get(route) == "page":
            self.obedient.page.goto(address, wait_until="domcontentloaded")
            self.look(self.obedient.page, route, address, "under the policy")

    def ask(self, role: str, route: str, address: str, text: str) -> None:
        """A page whose address says something hostile."""
        if self.kinds.get(route) == "page":
            name = QUERIES[next(self.numbers) % len(QUERIES)]
            page = self.page(role)
            page.goto("about:blank")
            at = page.evaluate("([name, text]) => new URLSearchParams([[name, text]]).toString()", [name, text])
            base = address.partition("?")[0]
            self.page(role).goto(f"{base}?{at}", wait_until="domcontentloaded")
            self.look(page, route, f"{base}?{name}", "questions")

    def swap(self, role: str, route: str, address: str) -> None:
        """What htmx puts in place of a part of another page."""
        page = self.page(role)
        if self.kinds.get(route) == "page" and page.evaluate("typeof htmx") != "undefined":
            page.evaluate(SWAP, address)
            self.look(page, route, address, "parts")

    def send(self, role: str, address: str, given: dict[str, str]) -> None:
        """A form with hostile fields, and the page that comes back."""
        page = self.page(role)
        page.goto("/login" if role == "nobody" else "/settings/account", wait_until="domcontentloaded")
        with page.expect_navigation(wait_until="domcontentloaded"):
            page.evaluate(SEND, [address, given])
        self.look(page, "", address, "forms")


def shown(reply: APIResponse) -> bool:
    """Whether a browser that follows a link to it shows it as a document of the site's."""
    kind, disposition = reply.headers["content-type"], reply.headers.get("content-disposition", "")
    return not disposition.startswith("attachment") and any(one in kind for one in ("html", "svg", "xml"))


def wrong_file(reply: APIResponse) -> list[str]:
    """What would let a file run somewhere: a type that is guessed, and cells that a spreadsheet computes."""
    found = []
    kind = reply.headers["content-type"]
    if reply.headers.get("x-content-type-options") != "nosniff":
        found.append(f"a browser may guess what {kind} is")
    if kind.startswith("text/csv"):
        cells = (cell for row in csv.reader(io.StringIO(reply.text())) for cell in row)
        found += [f"the cell {cell[:40]!r}" for cell in cells if cell[:1] in set("=+-@\t\r") and not number(cell)]
    return found


def number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def test_there_are_enough_payloads_of_every_family() -> None:
    assert len(set(PAYLOADS)) == len(PAYLOADS) >= 200
    assert all(len(family) >= 5 for family in FAMILIES.values())
    for limit in (60, 150, None):
        held = " ".join(packed(limit))
        assert all(one in held for one in PAYLOADS if limit is None or len(one) <= limit)


def test_every_column_that_holds_texts_is_attacked_or_excused() -> None:
    """A new column belongs into HOSTILE or SHAPED of fields.py; or into EXCUSED, with the reason."""
    there, listed = columns(), known()
    new = {
        model: fields - listed.get(model, set()) for model, fields in there.items() if fields - listed.get(model, set())
    }
    assert new == {}
    twice = [
        (model, name)
        for model, names in fields.EXCUSED.items()
        for name in names
        if name in fields.HOSTILE.get(model, []) or name in fields.SHAPED.get(model, {})
    ]
    assert twice == []


@pytest.fixture
def attacked(
    make_submission: made.Make, suite: Suite, worker_token: WorkerToken, person: User, files: Path,
    settings: DjangoSettings, monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Attacked]:  # fmt: skip
    settings.SOCIALACCOUNT_PROVIDERS = environment.providers({"PARITY_GITHUB": "id:secret"})
    with fields.widened() if ALL else nullcontext():
        yield Attacked.made(make_submission, suite, worker_token, person, monkeypatch)


@pytest.fixture
def attack(attacked: Attacked, visits: Open, person: User) -> Attack:
    root = User.objects.get(username="root")
    hostile: dict[str, Any] = {"bypass_csp": True, "user_agent": "<script>alert(1)</script> Firefox"}
    windows = {role: visits(user=user, **hostile) for role, user in (("owner", person), ("staff", root))}
    windows["nobody"] = visits(**hostile)
    found = Attack(windows, visits(user=person))
    for window in (*windows.values(), found.obedient):
        window.watch.expected += EXPECTED
    return found


def test_hostile_texts_run_nowhere(attacked: Attacked, attack: Attack, live_server: object) -> None:
    numbers = range(rounds()) if ALL else range(SOME)
    extras = (questions, forms, parts)
    for number in numbers:
        if ALL:
            print(f"Round {number + 1} of {len(numbers)}", flush=True)
        attacked.begin(number)
        if ALL or number == 0:
            for route, role, address in attacked.pages():
                attack.visit(role, str(route.name), address)
        if number == 0:
            for at, (route, role, address) in enumerate(attacked.pages()):
                if due(at, number):
                    attack.obey(str(route.name), role, address)
        elif ALL or number == SOME - 1:
            attack.files(attacked)
        extras[number % len(extras)](attacked, attack, number)
    problems = [one for window in (*attack.windows.values(), attack.obedient) for one in window.watch.problems]
    told = {
        "payloads": len(PAYLOADS), "columns": len(list(fields.places())), "placed": attacked.placed.pairs,
        "rounds": len(numbers), **attack.opened, "strangers": len(attack.strange),
        "executions": sum(one.startswith("dialog") for one in problems),
        "reports": sum("Content Security Policy" in one for one in problems), "problems": len(problems),
    }  # fmt: skip
    print(json.dumps(told))
    print("\n".join([*attack.strange, *problems][:SHOWN]))
    assert attack.strange == []
    assert problems == []
    assert attack.opened["pages"] > 60 and attack.opened["files"] > 40
    if ALL:
        assert attacked.placed.lacking() == {}


def due(at: int, number: int) -> bool:
    """Whether the page or form at this place is one of this round: a third of them is."""
    return at % 3 == number // 3 % 3


def questions(attacked: Attacked, attack: Attack, number: int) -> None:
    """Pages are asked something hostile."""
    texts = packed(200)
    for at, (route, role, address) in enumerate(attacked.pages()):
        if due(at, number):
            attack.ask(role, str(route.name), address, texts[(number + at) % len(texts)])


def forms(attacked: Attacked, attack: Attack, number: int) -> None:
    """Forms are sent with hostile fields."""
    texts = packed(200)
    for at, (role, address, names) in enumerate(attacked.forms()):
        if due(at, number):
            attack.send(role, address, {name: texts[(number + at + n) % len(texts)] for n, name in enumerate(names)})


def parts(attacked: Attacked, attack: Attack, number: int) -> None:
    """Pages are put into others."""
    for role in ("owner", "staff", "nobody"):
        attack.page(role).goto("/login" if role == "nobody" else "/settings/account", wait_until="domcontentloaded")
    for at, (route, role, address) in enumerate(attacked.pages()):
        if due(at, number):
            attack.swap(role, str(route.name), address)


@pytest.mark.parametrize(
    "armed",
    ["<img src=x onerror=alert(1)>", "<details open ontoggle=alert(1)>x", "<iframe>", "<b hx-on:click=x>x</b>"],
)
def test_the_attack_sees_what_runs(visits: Open, suite: Suite, armed: str) -> None:
    """What all of this relies on: a text that is not escaped is noticed, by what it does and by what it is."""
    window = visits(bypass_csp=True)
    window.watch.expected += ["status of 404"]
    window.page.goto("/")
    assert strangers(window.page) == []
    window.page.evaluate("(text) => document.querySelector('main').insertAdjacentHTML('beforeend', text)", armed)
    assert len(strangers(window.page)) == 1
    if "alert" in armed:
        for _ in range(200):
            if any(one.startswith("dialog") for one in window.watch.problems):
                break
            window.page.wait_for_timeout(25)
        assert [one for one in window.watch.problems if one.startswith("dialog")]
    window.watch.problems.clear()
