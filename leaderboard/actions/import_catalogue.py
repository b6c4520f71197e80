"""Take in the catalogue of proprietary models, with a source and a day for everything that it says."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models.functions import Now, TruncDate

from leaderboard.actions.catalogue import record_models, settle
from leaderboard.imports import licences
from leaderboard.imports.proprietary import Listed
from leaderboard.models import Fact, Model, Price


@dataclass(frozen=True)
class CatalogueReport:
    """How many of each are new; `settled`: models whose columns changed."""

    models: int
    facts: int
    prices: int
    settled: int


@transaction.atomic
def import_catalogue(*, listed: list[Listed], source: str) -> CatalogueReport:
    """Store models, facts and prices. What is said already keeps the day on which it was first read.

    A price that the source corrects is replaced and kept. Run it again from time to time: prices begin on a day.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('import'))")
    before = Model.everything.count()
    keys = record_models({one.name: {} for one in listed}, kind=Model.Kind.PROPRIETARY)
    known = {
        (fact.model_id, fact.field): fact.value
        for fact in Fact.objects.filter(origin=Fact.Origin.CATALOGUE, model__in=keys.values())
    }
    facts = [
        Fact(
            model_id=keys[one.name],
            field=field,
            origin=Fact.Origin.CATALOGUE,
            value=value,
            source=source,
            as_of=TruncDate(Now()),
        )
        for one in listed
        for field, value in one.facts.items()
        if known.get((keys[one.name], field)) != value
    ]
    Fact.objects.bulk_create(
        facts, 1000, update_conflicts=True, unique_fields=["model", "field", "origin"],
        update_fields=["value", "source", "as_of"],
    )  # fmt: skip
    prices = new_prices(listed, keys, source)
    Price.objects.bulk_create(prices, 1000)
    return CatalogueReport(Model.everything.count() - before, len(facts), len(prices), settle())


def new_prices(listed: Iterable[Listed], keys: dict[str, int], source: str) -> list[Price]:
    """Prices that are not there yet; what they replace, and what the source does not list any more, is marked."""
    current = {
        (price.model_id, price.starts_on): price
        for price in Price.objects.filter(model__in=keys.values(), replaced_at=None)
    }
    wanted = {(keys[one.name], tariff.starts_on): (one, tariff) for one in listed for tariff in one.tariffs}
    kept = {
        place for place, (_, tariff) in wanted.items() if place in current and current[place].detail == tariff.detail
    }
    gone = [price.pk for place, price in current.items() if place not in kept]
    Price.objects.filter(pk__in=gone).update(replaced_at=Now())
    return [
        Price(
            model_id=place[0], starts_on=place[1], input_price=tariff.input_price, output_price=tariff.output_price,
            detail=tariff.detail, source=source, source_url=one.source_url, read_on=TruncDate(Now()),
        )
        for place, (one, tariff) in wanted.items()
        if place not in kept
    ]  # fmt: skip


@transaction.atomic
def file_licences() -> int:
    """Give models whose licence has no family yet the family of today's table; how many."""
    changed = 0
    for licence in (
        Model.everything.exclude(licence="").filter(licence_family="").values_list("licence", flat=True).distinct()
    ):
        found = licences.family(licence)
        if found:
            changed += Model.everything.filter(licence=licence, licence_family="").update(licence_family=found)
    return changed
