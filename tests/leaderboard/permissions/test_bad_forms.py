"""Every form of every page with what nobody should send: nothing, far too much, other scripts, control characters, the
same field twice. The answer is a page that says what is wrong, and never an error of ours.

Forms are found on the pages themselves; a route that takes a form which stands on no page has its fields in `BODIES`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from django.db import transaction
from django.test import Client
from django.urls import Resolver404, URLPattern, resolve

from tests.leaderboard.pages.html import Element, tree
from tests.leaderboard.permissions.objects import BODIES, Site
from tests.leaderboard.permissions.test_matrix import caller, is_api, routes, table

pytestmark = pytest.mark.django_db
Given = dict[str, str | list[str]]
ANSWERS = {200, 302, 400, 403, 404, 409, 413, 429}
BAD: dict[str, Callable[[str], str | list[str]]] = {
    "empty": lambda good: "",
    "blank": lambda good: " \t\n ",
    "huge": lambda good: "x" * 200_000,
    "long number": lambda good: "9" * 400,
    "other scripts": lambda good: "ñ漢字 عربى ﷺ 🎉 ŉ ß ſ K",
    "control characters": lambda good: f"{good}\x00\x07\x1b[2J\u202e\ufeff\ud7ff",
    "line ends": lambda good: f"{good}\r\nSet-Cookie: a=b\r\n\r\n",
    "marks": lambda good: "'\"<>&;--%00%s{{}}../..\\",
    "twice": lambda good: [good, "another"],
}
TOKEN = "csrfmiddlewaretoken"


def forms_on(page: Element) -> Iterator[tuple[str, dict[str, str]]]:
    """(where it is sent, its fields with what stands in them) of every form that is posted."""
    for form in page.all("form"):
        if (form.get("method") or "").lower() == "post":
            fields = [*form.all("input"), *form.all("select"), *form.all("textarea"), *form.all("button")]
            named = {one["name"]: one.get("value") or "" for one in fields if one.get("name") not in (None, TOKEN)}
            yield form.get("action") or "", named


def found(site: Site) -> dict[str, dict[str, str]]:
    """By route, the fields of its forms on all pages that anybody may read."""
    forms: dict[str, dict[str, str]] = defaultdict(dict)
    listed = table()
    for route in routes():
        line = listed.get((str(route.name), "GET"), {})
        for role in ("nobody", "owner", "staff"):
            if is_api(route) or line.get(role) != "200":
                continue
            address = site.address(route) + site.query(str(route.name))
            reply = caller(site, route, role).get(address)
            if reply.streaming or "text/html" not in reply["Content-Type"]:
                continue
            for action, fields in forms_on(tree(reply)):
                try:
                    name = resolve(action.partition("?")[0] or address.partition("?")[0]).url_name
                except Resolver404:
                    continue
                forms[str(name)] |= fields
    return forms


FORMLESS = {
    # route: which form it has, on a page that only stands in another state
    "account_confirm_email": "one button, behind a link that came by e-mail",
    "account_reset_password_from_key": "behind a link that came by e-mail; `pages/test_accounts.py` follows it",
    "account_set_password": "of who has no password yet",
    "mfa_authenticate": "of who is logging in with a second factor",
    "resume": "of a paused submission's own page",
    "retry": "one button",
    "cancel": "one button",
    "bakeoff-cancel": "one button, while it runs",
    "bakeoff-resume": "of a paused run",
    "notices-mail": "one tick, of who has an address",
    "socialaccount_connections": "of who has connected another site",
}


def posting() -> list[URLPattern]:
    """The routes of pages that take a POST."""
    listed = table()
    return [route for route in routes() if (route.name, "POST") in listed and not is_api(route)]


def role_of(route: URLPattern) -> str:
    """Who may send it at all."""
    line = table()[str(route.name), "POST"]
    if str(route.name).startswith("staff"):
        return "staff"
    return "nobody" if line["owner"] == "302" and line["nobody"] == "200" else "owner"


def good(site: Site, route: URLPattern, forms: dict[str, dict[str, str]]) -> dict[str, str]:
    """What is usually sent."""
    body = {name: str(value) for name, value in BODIES.get(str(route.name), {}).items()}
    return {**forms.get(str(route.name), {}), **body}


def sent(client: Client, address: str, given: Given) -> int:
    """The status; whatever it did is undone."""
    cookies = client.cookies.copy()
    with transaction.atomic():
        status = client.post(address, given).status_code
        transaction.set_rollback(True)
    client.cookies = cookies
    return status


def test_every_form_is_found(site: Site) -> None:
    forms = found(site)
    without = [
        str(route.name)
        for route in posting()
        if str(route.name) not in forms and not BODIES.get(str(route.name)) and str(route.name) not in FORMLESS
    ]
    assert without == [], f"No page has a form for {without}: put its fields into BODIES, or the reason into FORMLESS."
    assert len(forms) > 20 and sum(map(len, forms.values())) > 60


@pytest.mark.slow
@pytest.mark.parametrize("kind", BAD)
def test_no_form_answers_what_is_bad_with_an_error_of_ours(site: Site, kind: str) -> None:
    forms, wrong, asked = found(site), [], 0
    for route in posting():
        usual, client, address = good(site, route, forms), caller(site, route, role_of(route)), site.address(route)
        send = partial(sent, client, address)
        bad = {name: BAD[kind](value) for name, value in usual.items()}
        tries: list[tuple[str, Given]] = [(name, {**usual, name: value}) for name, value in bad.items()]
        for name, given in [*tries, ("all", dict(bad)), ("none", {})]:
            status = send(given)
            asked += 1
            if status not in ANSWERS:
                wrong.append(f"{route.name} {name}: {status}")
    assert wrong == []
    assert asked > 100
