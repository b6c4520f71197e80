from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from leaderboard.actions.import_catalogue import file_licences, import_catalogue
from leaderboard.imports import proprietary
from leaderboard.imports.proprietary import Listed, Tariff
from leaderboard.models import Fact, Model, Price

pytestmark = pytest.mark.django_db


def tariff(price: str, starts_on: date | None = None) -> Tariff:
    return Tariff(starts_on, Decimal(price), Decimal("9"), {"input_mtok": price, "output_mtok": "9"})


def load(*tariffs: Tariff, source: str = "package 1", **facts: Any) -> None:
    import_catalogue(listed=[Listed("lab/closed", facts, list(tariffs), "https://lab.example/prices")], source=source)


def test_a_price_begins_on_its_day() -> None:
    today = timezone.now().date()
    load(tariff("4"), tariff("3", today - timedelta(days=1)), tariff("2", today + timedelta(days=9)))
    assert Model.objects.get().input_price == Decimal("3")


def test_what_is_said_again_keeps_the_day_and_the_source_that_said_it_first() -> None:
    load(tariff("4"), context_length=10)
    Price.objects.update(read_on=date(2026, 1, 1))
    load(tariff("4"), context_length=10, source="package 2")
    assert [(price.source, price.read_on) for price in Price.objects.all()] == [("package 1", date(2026, 1, 1))]
    assert Fact.objects.get().source == "package 1"


def test_a_corrected_price_is_replaced_and_kept() -> None:
    load(tariff("4"))
    load(tariff("5"), source="package 2")
    assert [(price.input_price, price.replaced_at is None) for price in Price.objects.order_by("id")] == [
        (4, False),
        (5, True),
    ]
    assert Model.objects.get().input_price == Decimal("5")


def test_an_open_model_of_the_same_name_stays_open() -> None:
    Model.objects.create(name="lab/closed", kind="open", licence="mit")
    load(tariff("4"))
    model = Model.objects.get()
    assert (model.kind, model.licence, model.input_price) == ("open", "mit", 4)


def test_licences_get_their_family_once_it_is_known() -> None:
    Model.objects.bulk_create(
        [Model(name="a/a", licence="mit"), Model(name="a/b", licence="unknown"), Model(name="a/c")]
    )
    assert (file_licences(), file_licences()) == (1, 0)
    assert Model.objects.get(name="a/a").licence_family == "permissive"


def run() -> str:
    out = StringIO()
    call_command("import_catalogue", stdout=out)
    return out.getvalue()


def test_the_packages_models_come_with_prices_sources_and_days() -> None:
    said = run()
    assert "It is not one of its provider's own proprietary language models." in said
    models = {model.name: model for model in Model.objects.prefetch_related("prices", "facts")}
    assert {model.kind for model in models.values()} == {"proprietary"}
    assert {model.organisation for model in models.values()} == set(proprietary.LABS)
    for model in models.values():
        assert model.input_price is not None and model.output_price is not None, model.name
        assert model.modalities[0] == "text"
        for price in model.prices.all():
            assert price.source == proprietary.SOURCE and price.source_url.startswith("https://") and price.read_on
        for fact in model.facts.all():
            assert fact.source == proprietary.SOURCE and fact.as_of
    assert (models["openai/gpt-4o"].context_length, models["openai/gpt-4o"].input_price) == (128_000, Decimal("2.5"))
    assert models["anthropic/claude-3-haiku"].output_price == Decimal("1.25")
    assert models["openai/o3"].input_price == Decimal("2")  # 10 until June 2025
    assert not {name for name in models if "gpt-oss" in name or "gemma" in name or "embed" in name or "tts" in name}
    assert "0 of them new; 0 new facts, 0 new prices, 0 models updated" in run()
