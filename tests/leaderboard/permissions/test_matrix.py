"""Every route x method x role against `routes.txt`, and the rows that each request changes.

A new route fails here until it has a line for each method that it takes. The failure says which lines to add, with what
the site answers now: read them, and add those that are right.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, get_resolver

from leaderboard.models import User
from tests.leaderboard.pages.every import HTMX
from tests.leaderboard.permissions.objects import BODIES, Site

pytestmark = pytest.mark.django_db
TABLE = Path(__file__).parent / "routes.txt"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
READING = {"GET", "HEAD", "OPTIONS"}
ROLES = ("nobody", "other", "viewer", "member", "owner", "staff", "worker", "ended")
REFUSED = {"login", "401", "403", "404", "405"}
"""What a method gets that has no line of its own."""
CHANGED = (
    "SELECT COALESCE(SUM(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM pg_stat_xact_user_tables "
    "WHERE relname <> 'django_session'"
)
"""Rows that this transaction has inserted, updated or deleted, by whatever statement, function or trigger. Sessions
aside: a form may remember in the reader's own what it showed."""

Line = dict[str, str]


def routes() -> Iterator[URLPattern]:
    patterns = get_resolver().url_patterns
    assert all(isinstance(pattern, URLPattern) for pattern in patterns), "an include() needs its routes listed too"
    yield from patterns


def table() -> dict[tuple[str, str], Line]:
    """(route, method) -> role -> status, as the file says."""
    found: dict[tuple[str, str], Line] = {}
    for number, text in enumerate(TABLE.read_text().splitlines(), start=1):
        words = text.partition("#")[0].split()
        if not words:
            continue
        assert len(words) == 2 + len(ROLES), f"{TABLE.name}:{number}: a line is: route METHOD {' '.join(ROLES)}"
        place = (words[0], words[1])
        assert place not in found, f"{TABLE.name}:{number}: {words[0]} {words[1]} is listed twice"
        found[place] = dict(zip(ROLES, words[2:], strict=True))
    return found


def rows_changed() -> int:
    with connection.cursor() as cursor:
        cursor.execute(CHANGED)
        return int(cursor.fetchone()[0])


def status(reply: HttpResponseBase) -> str:
    """The status, or `login` for the way to the login page."""
    away = reply.status_code == 302 and reply["Location"].startswith("/login")
    return "login" if away else str(reply.status_code)


@dataclass
class Sweep:
    """Requests, and what was wrong with their answers."""

    site: Site
    surprises: list[str] = field(default_factory=list)
    requests: int = 0
    counted: int = field(default_factory=rows_changed)

    def ask(self, client: Client, route: URLPattern, method: str, **headers: str) -> str:
        """The status. What the request changed is undone, and stays counted."""
        assert route.name
        address = self.site.address(route) + (self.site.query(route.name) if method in READING else "")
        data = BODIES.get(route.name, {}) if method == "POST" else {}
        cookies = client.cookies.copy()  # some routes log in and out
        with transaction.atomic():
            if method in READING:
                reply = getattr(client, method.lower())(address, headers=headers)
            elif address.startswith("/api/") or method != "POST":
                reply = getattr(client, method.lower())(address, data, "application/json", headers=headers)
            else:
                reply = client.post(address, data, headers=headers)
            if reply.streaming:
                b"".join(reply.streaming_content)  # it may read as it is sent
            transaction.set_rollback(True)
        client.cookies = cookies
        self.requests += 1
        return status(reply)

    def changed(self) -> int:
        """How many rows were changed since this was asked last."""
        before, self.counted = self.counted, rows_changed()
        return self.counted - before

    def check(self, role: str, client: Client, route: URLPattern, expected: dict[str, set[str]]) -> None:
        """Note each method whose status is none of those expected; then rows that methods changed which read, or which
        were refused: these are asked first and counted together."""
        may_change = {"200", "201", "204", "302"}
        for method in sorted(
            expected, key=lambda method: method not in READING and bool(expected[method] & may_change)
        ):
            if method not in READING and expected[method] & may_change:
                self.settle(role, route)
            found = self.ask(client, route, method)
            if found not in expected[method]:
                wanted = " or ".join(sorted(expected[method]))
                self.surprises.append(f"{route.name} {method} as {role}: {found}, not {wanted}")
            if method not in READING and expected[method] & may_change:
                self.changed()
        self.settle(role, route)

    def settle(self, role: str, route: URLPattern) -> None:
        """Nothing may have been changed since the last count."""
        if changed := self.changed():
            self.surprises.append(f"{route.name}: reading, or what was refused, as {role} changed {changed} rows")


def is_api(route: URLPattern) -> bool:
    return str(route.pattern).startswith("api/")


def caller(site: Site, route: URLPattern, role: str) -> Client:
    """How `role` comes to this route: to the API with a token, to a page logged in."""
    return (site.tokens if is_api(route) else site.sessions)[role]


def test_every_route_has_its_lines(request: pytest.FixtureRequest) -> None:
    listed = {name for name, _ in table()}
    assert listed <= {route.name for route in routes()}, "routes.txt lists what is gone"
    new = [route for route in routes() if route.name not in listed]
    if new:
        sweep = Sweep(request.getfixturevalue("site"))
        sweep.site.hand_over(request.getfixturevalue("person"))
        told = "\n".join(line for route in new for line in proposed(sweep, route))
        pytest.fail(f"Add to {TABLE.name} what is right of this, and correct what is not:\n\n{told}\n", pytrace=False)


def proposed(sweep: Sweep, route: URLPattern) -> Iterator[str]:
    """The lines of a route that has none, as the site answers now."""
    try:
        sweep.site.address(route)
    except KeyError as unknown:
        yield f"{route.name}: PLACES in objects.py has to say what its parameter {unknown} is"
        return
    found = {method: {role: sweep.ask(caller(sweep.site, route, role), route, method) for role in ROLES}
             for method in METHODS}  # fmt: skip
    taken = [method for method in METHODS if set(found[method].values()) - REFUSED]
    for method in taken or METHODS[:1]:
        yield f"{route.name:<37} {method:<7}" + "".join(f"{found[method][role]:<7}" for role in ROLES).rstrip()


@pytest.mark.slow
@pytest.mark.parametrize("roles", [ROLES[:2], ROLES[2:5], ROLES[4:6], ROLES[6:]], ids=" and ".join)
def test_every_route_answers_as_its_lines_say(site: Site, person: User, roles: tuple[str, ...]) -> None:
    if "viewer" in roles:
        site.hand_over(person)
    listed, sweep = table(), Sweep(site)
    for route in routes():
        lines = {method: listed[str(route.name), method] for method in METHODS if (route.name, method) in listed}
        for role in roles:
            expected = {method: {lines[method][role]} if method in lines else REFUSED for method in METHODS}
            expected["HEAD"] = {*expected["GET"], "405"}
            sweep.check(role, caller(site, route, role), route, expected)
    print(f"{sweep.requests} requests as {', '.join(roles)}; {len(sweep.surprises)} surprises")
    assert sweep.surprises == []


def test_what_htmx_and_other_sites_ask_for_changes_nothing(site: Site) -> None:
    sweep = Sweep(site)
    for route in routes():
        client = caller(site, route, "owner")
        found = [sweep.ask(client, route, "GET", **HTMX), sweep.ask(client, route, "OPTIONS")]
        assert not [one for one in found if one.startswith("5")], route.name
        sweep.settle("owner", route)
    assert sweep.surprises == []


def test_tokens_open_no_page_and_sessions_no_api(site: Site) -> None:
    """A cookie that a browser sends by itself must not act in the API, which has no CSRF tokens."""
    listed, sweep = table(), Sweep(site)
    for route in routes():
        lines = {method: listed[str(route.name), method] for method in METHODS if (route.name, method) in listed}
        wrong = (site.sessions if is_api(route) else site.tokens)["owner"]
        sweep.check("owner, the wrong way", wrong, route, {method: {line["nobody"]} for method, line in lines.items()})
        ended = {method: {line["ended"]} for method, line in lines.items()}
        sweep.check("expired", caller(site, route, "expired"), route, ended)
    assert sweep.surprises == []


def test_no_page_takes_a_form_of_another_site(site: Site) -> None:
    """Every POST that a page takes is refused without the CSRF token, before anything happens."""
    sweep = Sweep(site)
    site.sessions["owner"].handler.enforce_csrf_checks = True
    listed = table()
    for route in routes():
        writing = [method for method in METHODS if method not in READING and (route.name, method) in listed]
        if not is_api(route):
            expected = {method: {"403"} for method in writing}
            sweep.check("owner, from elsewhere", site.sessions["owner"], route, expected)
    assert sweep.requests and sweep.surprises == []
