"""Addresses of others, and the links that lead there."""

import re

import pytest

from leaderboard.templatetags.parity import outward
from tests.browser.payloads import ADDRESSES
from tests.environment import ROOT

OURS = {"one.source"}
"""Addresses from files of ours."""


@pytest.mark.parametrize("address", ["https://example.org/a?b#c", "http://example.org", "HTTPS://EXAMPLE.ORG/"])
def test_an_address_of_the_web_is_a_link(address: str) -> None:
    assert outward(address) == address


@pytest.mark.parametrize("address", ["", "example.org", " https://x", "/models", *ADDRESSES])
def test_what_is_none_is_no_link(address: str) -> None:
    assert outward(address) == ""


def test_every_link_to_other_sites_is_an_address_of_the_web() -> None:
    """An address that came past the forms' checks would run as `javascript:` where a reader follows it."""
    found = set()
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text()
        safe = set(re.findall(r"{% with (\w+)=[\w.]+\|outward %}", text))
        links = re.findall(r'<a href="{{ ([\w.]+)[^>]*" rel="noreferrer"', text)
        found |= {(path.name, one) for one in links if one not in safe | OURS}
    assert found == set()
