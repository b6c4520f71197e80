"""Imported results as people see them."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from leaderboard.actions.import_catalogue import import_catalogue
from leaderboard.actions.import_evaluations import ensure_imported_suite, import_evaluations
from leaderboard.imports.open_llm_leaderboard import SUITE, read
from leaderboard.imports.proprietary import Listed, Tariff
from leaderboard.models import Submission
from tests.leaderboard.imports.made import row, table

pytestmark = pytest.mark.django_db
SLUG = "open-llm-leaderboard-v2@1"


@pytest.fixture
def imported(tmp_path: Path) -> None:
    rows = [row(f"org/m{index:02}", average=f"{70 - index}.125", IFEval="33.456") for index in range(60)]
    rows += [row("gpt2", average="5", **{"Model sha": "", "Flagged": "True"}), row("org/none", BBH="")]
    import_evaluations(source=read(table(tmp_path / "t.csv", *rows)), suite=ensure_imported_suite(spec=SUITE))


def cells(page: str) -> list[str]:
    return re.findall(r'<td class="num heat[^>]*>(?:<b class="best">)?([\d.]+)<', page)


def test_every_imported_row_says_so_in_words(
    client: Client, imported: None, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(9):
        page = client.get(f"/?suite={SLUG}").content.decode()
    assert page.count("data-row") == page.count("Imported, not verified here") == 50
    assert "Open LLM Leaderboard v2</a> of 5 Aug 2024, not verified here" in page
    assert "1–50 of 62" in page
    assert page.count("no interval: the source has no standard errors") == 50


def test_scores_are_the_sources_and_raw_ones_if_asked(client: Client, imported: None) -> None:
    shown = client.get(f"/?suite={SLUG}&search=m00").content.decode()
    assert (cells(shown)[0], "70.12" in shown) == ("33.46", True)
    assert cells(client.get(f"/?suite={SLUG}&search=m00&scores=raw").content.decode())[0] == "40.0"
    assert client.get(f"/?suite={SLUG}&scores=other").status_code == 400


def test_what_the_source_lacks_is_a_dash_with_its_reason(client: Client, imported: None) -> None:
    page = client.get(f"/?suite={SLUG}&search=none").content.decode()
    assert "Not ranked: why?" in page
    assert "The source has no score for BBH." in page
    assert 'aria-label="Missing: The source has no score for this task."' in page
    assert "revision unknown" in client.get(f"/?suite={SLUG}&search=gpt2").content.decode()


@pytest.mark.parametrize("name", ["gpt2", "org/m00", "org/none"])
def test_a_models_page_says_where_its_scores_come_from(client: Client, imported: None, name: str) -> None:
    page = client.get(f"/models/{name}").content.decode()
    assert "Imported from <a" in page
    assert "evaluated 5 Aug 2024" in page
    assert "named by an import, not checked" in page


def test_the_form_does_not_offer_an_imported_suite_and_says_why(
    member: Client, imported: None, board: dict[str, Submission]
) -> None:
    page = member.get("/submit").content.decode()
    assert f'<option value="{SLUG}"' not in page
    assert "No model can be submitted to it" in page
    reply = member.post("/submit", {"model": "org/m", "suite": SLUG, "engine": "vllm", "dtype": "auto"})
    assert reply.status_code == 400


def test_without_a_suite_the_one_that_is_measured_here_is_shown(
    client: Client, board: dict[str, Submission], imported: None
) -> None:
    assert "tiny@1" in client.get("/").content.decode().split("</h1>")[0]


def test_a_models_page_shows_prices_with_their_source(client: Client) -> None:
    prices = [Tariff(None, Decimal("0.0375"), Decimal("9"), {})]
    facts = {"context_length": 128_000, "modalities": ["text", "audio"]}
    import_catalogue(listed=[Listed("lab/closed", facts, prices, "https://lab.example/prices")], source="package 1")
    page = client.get("/models/lab/closed").content.decode()
    for part in ("$0.0375 in, $9.00 out", "package 1", "https://lab.example/prices", "text, audio", "128 k tokens"):
        assert part in page
    assert "Submit this model" not in page
