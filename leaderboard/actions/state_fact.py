"""The site's staff says what is so about a model, with a source; that wins over everything that is imported."""

import hashlib
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models as django
from django.db import transaction
from django.db.models.functions import Now, TruncDate

from evaluator.contract import canonical_json
from leaderboard.actions.catalogue import STATEABLE, settle, typed
from leaderboard.actions.errors import NotFound, Refused
from leaderboard.imports import licences
from leaderboard.models import Audit, Fact, Model, User


@transaction.atomic
def state_fact(*, model: str, field: str, value: str, source: str, by: User, as_of: date | None = None) -> Fact:
    """State `field` of `model`, as a text that is read by the field's type; `as_of` None: today.

    Raises Refused, NotFound. A second statement replaces the first; the audit keeps both.
    """
    row, before = target(model, field, by)
    if not source.strip():
        raise Refused("no_source", "A statement needs its source: an address, a document, a person.", field="source")
    stated = parsed(field, value)
    if before is not None:
        put_back(row, before)
    fact, _ = Fact.objects.update_or_create(
        model=row, field=field, origin=Fact.Origin.STAFF,
        defaults={"value": stated, "source": source.strip()[:300], "as_of": as_of or TruncDate(Now()), "stated_by": by},
    )  # fmt: skip
    audit(by, "fact stated", row, field, f"{before.value if before else None} -> {stated}: {source.strip()}", stated)
    settle(models=[row.pk])
    return fact


@transaction.atomic
def withdraw_fact(*, model: str, field: str, reason: str, by: User) -> None:
    """Take a statement back: what everybody else says counts again. Raises Refused, NotFound."""
    row, fact = target(model, field, by)
    if fact is None:
        raise NotFound("no_statement", f"The staff states no {field} of {model}.", field="field")
    put_back(row, fact)
    fact.delete()
    audit(by, "fact withdrawn", row, field, f"was {fact.value}: {reason}", fact.value)
    settle(models=[row.pk])


def put_back(row: Model, fact: Fact) -> None:
    """The column as it would be without the staff's statement."""
    setattr(row, fact.field, typed(fact.field, fact.replaced))
    row.licence_family = licences.family(row.licence)
    row.save(update_fields=[fact.field, "licence_family"])


def target(model: str, field: str, by: User) -> tuple[Model, Fact | None]:
    """The model, locked, and what the staff states of it now; raises Refused, NotFound."""
    if not by.is_staff:
        raise Refused("not_staff", "Only this site's staff states facts.")
    if field not in STATEABLE:
        raise Refused(
            "unknown_field", f"Statements are made about {', '.join(STATEABLE)}, not {field!r}.", field="field"
        )
    row = Model.objects.select_for_update().filter(name=model).first()
    if row is None:
        raise NotFound("unknown_model", f"There is no model {model!r} here.", field="model")
    return row, Fact.objects.filter(model=row, field=field, origin=Fact.Origin.STAFF).first()


def parsed(field: str, text: str) -> Any:
    """`text` as the JSON that a Fact holds; raises Refused with what the field takes."""
    column = Model._meta.get_field(field)
    text = text.strip()
    assert isinstance(column, django.Field)
    try:
        if isinstance(column, django.JSONField):
            return [word.strip() for word in text.split(",") if word.strip()]
        if isinstance(column, django.BooleanField):
            return {"true": True, "yes": True, "false": False, "no": False}[text.lower()]
        if isinstance(column, django.IntegerField):
            return column.clean(int(text), None)
        if isinstance(column, django.DecimalField):
            return str(column.clean(Decimal(text), None))
        if isinstance(column, django.DateField):
            return date.fromisoformat(text).isoformat()
        return column.clean(text, None)
    except (KeyError, ValueError, InvalidOperation, ValidationError) as error:
        said = " ".join(error.messages) if isinstance(error, ValidationError) else column.description % vars(column)
        raise Refused("bad_value", f"{text!r} is no value for {field}: {said}", field="value") from error


def audit(by: User, action: str, model: Model, field: str, reason: str, value: Any) -> None:
    Audit.objects.create(
        actor=str(by), action=action, subject=f"{field} of {model.name}"[:200], reason=reason,
        digest=hashlib.sha256(canonical_json(value)).hexdigest(),
    )  # fmt: skip
