"""Keep the catalogue: what models and revisions are, from whoever knows best, in bulk."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from itertools import islice
from typing import Any, TypeVar

from django.db import models as django
from django.db.models.functions import Now

from leaderboard.imports import licences
from leaderboard.models import Fact, Model, Price, Revision

BATCH = 2_000

T = TypeVar("T")
Facts = Mapping[str, Any]
"""Columns and what a source says of them; "" , None and [] say nothing."""


def chunks(values: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk


def record_models(facts: Mapping[str, Facts], *, kind: str = Model.Kind.OPEN) -> dict[str, int]:
    """Make or refresh the models named by `facts`; returns their keys by name.

    What an import says replaces what an earlier import said. Models whose repository the validator has read keep what
    it found, and only their gaps are filled; what the staff stated stays. Call `settle` afterwards.
    """
    columns = sorted({column for known in facts.values() for column in known})
    keys: dict[str, int] = {}
    for names in chunks(sorted(facts)):
        there = {row.name: row for row in Model.everything.filter(name__in=names)}
        read_here = set(
            Model.everything.filter(name__in=names, revisions__source__in=["hub", "mirror"]).values_list(
                "name", flat=True
            )
        )
        written = []
        for name in names:
            row = there.get(name) or Model(name=name, kind=kind)
            if fill(row, facts[name], only_gaps=name in read_here) or row.pk is None:
                written.append(row)
        if written:
            upsert(Model, written, ["name"], columns)
        Model.everything.filter(name__in=names, hidden=True).update(hidden=False)
        keys |= dict(Model.everything.filter(name__in=names).values_list("name", "pk"))
    return keys


def record_revisions(facts: Mapping[tuple[int, str], Facts]) -> dict[tuple[int, str], int]:
    """Make the revisions (model, sha) that imports name, or fill the gaps of those that are there; their keys."""
    keys: dict[tuple[int, str], int] = {}
    for wanted in chunks(sorted(facts)):
        models = {model for model, _ in wanted}
        there = {(row.model_id, row.sha): row for row in Revision.everything.filter(model__in=models)}
        written = []
        for model, sha in wanted:
            row = there.get((model, sha)) or Revision(model_id=model, sha=sha, source=Revision.Source.IMPORT)
            gaps = row.source != Revision.Source.IMPORT
            if fill(row, facts[model, sha], only_gaps=gaps) or row.pk is None:
                written.append(row)
        if written:
            upsert(Revision, written, ["model", "sha", "base_sha"], ["architecture", "parameters"])
        named = [key for row in there.values() if row.hidden and (row.model_id, row.sha) in facts for key in [row.pk]]
        Revision.everything.filter(pk__in=named).update(hidden=False)
        keys |= {
            (model, sha): key
            for model, sha, key in Revision.everything.filter(model__in=models).values_list("model_id", "sha", "pk")
        }
    return keys


def upsert(table: type[django.Model], rows: list[Any], unique: list[str], columns: list[str]) -> None:
    """Insert `rows`, or update `columns` of those that are there: one statement for hundreds of rows."""
    for row in rows:
        row.pk = None
    if columns:
        table._default_manager.bulk_create(
            rows, BATCH, update_conflicts=True, unique_fields=unique, update_fields=columns
        )
    else:
        table._default_manager.bulk_create(rows, BATCH, ignore_conflicts=True)


def fill(row: django.Model, facts: Facts, *, only_gaps: bool) -> bool:
    """Put what `facts` know into `row`; whether that changed it."""
    changed = False
    for column, value in facts.items():
        before = getattr(row, column)
        if empty(value) or value == before or (only_gaps and not empty(before)):
            continue
        setattr(row, column, value)
        changed = True
    return changed


def empty(value: Any) -> bool:
    return value is None or value == "" or value == []


def settle(*, models: Iterable[int] | None = None) -> int:
    """Put the best statements into the columns of `models` (None: of all with statements); how many changed.

    Staff, then the catalogue; a price of the catalogue is the newest that has begun. Facts are few: of proprietary
    models, and of those about which the staff said something.
    """
    facts = Fact.objects.all() if models is None else Fact.objects.filter(model__in=list(models))
    stated: dict[int, dict[str, Any]] = current_prices(models)
    for fact in facts.filter(origin=Fact.Origin.CATALOGUE):
        stated.setdefault(fact.model_id, {})[fact.field] = typed(fact.field, fact.value)
    by_staff: dict[int, list[Fact]] = {}
    for fact in facts.filter(origin=Fact.Origin.STAFF):
        by_staff.setdefault(fact.model_id, []).append(fact)
    changed = []
    for row in Model.everything.filter(pk__in={*stated, *by_staff}):
        said = stated.get(row.pk, {})
        for fact in by_staff.get(row.pk, []):
            value = typed(fact.field, fact.value)
            without = said.get(fact.field, getattr(row, fact.field))
            if without not in (value, typed(fact.field, fact.replaced)):  # somebody else says something new
                Fact.objects.filter(pk=fact.pk).update(replaced=plain(without))
            said[fact.field] = value
        if "licence" in said:
            said["licence_family"] = licences.family(said["licence"])
        different = {field: value for field, value in said.items() if getattr(row, field) != value}
        for field, value in different.items():
            setattr(row, field, value)
        changed += [row] if different else []
    if changed:
        Model.everything.bulk_update(changed, [*STATEABLE, "licence_family"], batch_size=500)
    return len(changed)


def current_prices(models: Iterable[int] | None) -> dict[int, dict[str, Any]]:
    """By model, the catalogue's prices that hold today."""
    prices = Price.objects.filter(replaced_at=None).filter(
        django.Q(starts_on__isnull=True) | django.Q(starts_on__lte=Now())
    )
    if models is not None:
        prices = prices.filter(model__in=list(models))
    newest = prices.order_by("model", django.F("starts_on").desc(nulls_last=True)).distinct("model")
    return {price.model_id: {"input_price": price.input_price, "output_price": price.output_price} for price in newest}


STATEABLE = (
    "kind", "licence", "base_model", "training", "modalities", "context_length", "input_price", "output_price",
    "official", "merged", "mixture", "flagged", "released_on",
)  # fmt: skip
"""Columns of a model that its catalogue and the site's staff make statements about."""


def typed(field: str, value: Any) -> Any:
    """A statement's JSON as its column holds it."""
    column = Model._meta.get_field(field)
    if value is None:
        return None
    if isinstance(column, django.DateField):
        return date.fromisoformat(value)
    return Decimal(value) if isinstance(column, django.DecimalField) else value


def plain(value: Any) -> Any:
    """A column's value as a statement's JSON."""
    return str(value) if isinstance(value, date | Decimal) else value
