"""axe-core over every page, on a phone and on a desktop, in both themes: nothing serious, nothing critical."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from leaderboard.models import User
from tests.browser.conftest import Open

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

FORBIDDEN = {"serious", "critical"}
NOT_OURS = {"/api/docs"}
"""Drawn by Swagger UI, whose own colours and roles these are."""

COLOURS = ["color-contrast", "link-in-text-block"]
PASSES: dict[int, dict[str, dict[str, Any]]] = {
    1280: {"light": {}, "dark": {"runOnly": COLOURS}},
    390: {"light": {"rules": {rule: {"enabled": False} for rule in COLOURS}}},
}
"""By width and theme: a theme changes colours only, a width everything else. Colours are what takes axe its time."""


def violations(page: Page, **options: Any) -> list[str]:
    """What axe finds that no page may have, each with the first elements that have it."""
    found = Axe().run(page, options={"resultTypes": ["violations"], **options}).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): "
        + "; ".join(f"{' '.join(map(str, node['target']))} {node['html'][:120]}" for node in one["nodes"][:3])
        for one in found
        if one["impact"] in FORBIDDEN
    ]


@pytest.mark.parametrize("width", PASSES)
def test_no_page_has_a_serious_violation(visits: Open, addresses: list[str], person: User, width: int) -> None:
    visit = visits(user=person, viewport={"width": width, "height": 844}, color_scheme="light")
    visit.watch.expected += ["status of 404", "status of 400"]
    wrong: dict[tuple[str, str], list[str]] = {}
    for address in addresses:
        if address in NOT_OURS:
            continue
        visit.page.goto(address)
        visit.page.locator("main details").evaluate_all("all => all.slice(0, 12).forEach((one) => { one.open = true })")
        for theme, options in PASSES[width].items():
            visit.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            if found := violations(visit.page, **options):
                wrong[address[:80], theme] = found
    assert wrong == {}


def test_axe_sees_what_is_wrong(visits: Open, addresses: list[str]) -> None:
    """What the test above relies on."""
    visit = visits()
    visit.page.goto("/suites/")
    visit.page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<button></button>')")
    expect(visit.page.locator("main > button")).to_be_attached()
    assert any(one.startswith("button-name (critical)") for one in violations(visit.page))
