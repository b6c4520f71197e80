"""The staff makes two names of one model one: what was measured and said under one stands under the other from then on.

A repository that was renamed, or an import that spells a name otherwise, is in the catalogue twice. Results do not
change: they move with their revisions, and where both names have the same revision, to that.
"""

from django.db import connection, transaction

from leaderboard.actions.catalogue import settle
from leaderboard.actions.errors import Conflict, NotFound, Refused
from leaderboard.actions.rank import build_snapshot
from leaderboard.actions.staff import checked, note
from leaderboard.models import (
    EndpointHour,
    Fact,
    Imported,
    Model,
    Price,
    ProviderOrigin,
    Remark,
    Revision,
    Submission,
    Suite,
    User,
)
from leaderboard.models.submissions import LIVE


@transaction.atomic
def merge_models(*, duplicate: str, into: str, actor: User, reason: str) -> Model:
    """All that is `duplicate`'s becomes `into`'s, and `duplicate` goes; returns the model that stays.

    Raises Forbidden, Refused, NotFound, and Conflict while something of the duplicate is still being evaluated.
    """
    why = checked(actor, reason)
    gone, stays = named(duplicate, "duplicate"), named(into, "into")
    if gone.pk == stays.pk:
        raise Refused("same_model", "Give two different names.", field="into")
    list(Model.everything.select_for_update().filter(pk__in=[gone.pk, stays.pk]).order_by("pk"))
    live = Submission.everything.filter(revision__model=gone, state__in=LIVE).first()
    if live is not None:
        raise Conflict("still_live", f"Submission {live.pk} of {gone.name} is {live.state}; wait for it, or cancel it.")
    suites = Suite.objects.filter(submissions__revision__model=gone) | Suite.objects.filter(
        imported_evaluations__revision__model=gone
    )
    touched = list(suites.distinct().order_by("pk"))
    merging(True)
    move_revisions(gone, stays)
    Remark.objects.filter(model=gone).update(model=stays)
    merging(False)
    move_statements(gone, stays)
    ProviderOrigin.objects.filter(model=gone).update(model=stays)
    Model.everything.filter(base_model=gone.name).update(base_model=stays.name)
    Revision.everything.filter(base_name=gone.name).update(base_name=stays.name)
    name = gone.name
    gone.delete()
    settle(models=[stays.pk])
    note(actor, "merge_models", stays.name[:200], f"{name} is {stays.name}: {why}")
    for suite in touched:
        build_snapshot(suite=suite, anew=True)
    return stays


def named(name: str, field: str) -> Model:
    """A model of the catalogue; raises NotFound."""
    row = Model.objects.filter(name=name.strip().replace("\x00", "")).first()
    if row is None:
        raise NotFound("unknown_model", f"There is no model {name[:200]!r} here.", field=field)
    return row


def merging(allowed: bool) -> None:
    """Tell the database's triggers, for the rest of this transaction, whether what is final may move."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('parity.merge', %s, true)", ["on" if allowed else "off"])


def move_revisions(gone: Model, stays: Model) -> None:
    """Revisions with what was measured of them; of two that are the same, one stays."""
    known = {(row.sha, row.base_sha): row for row in Revision.everything.filter(model=stays)}
    for row in Revision.everything.select_for_update().filter(model=gone).order_by("pk"):
        twin = known.get((row.sha, row.base_sha))
        if twin is None:
            Revision.everything.filter(pk=row.pk).update(model=stays)
            continue
        Submission.everything.filter(revision=row).update(revision=twin)
        Imported.objects.filter(revision=row).update(revision=twin)
        there = EndpointHour.objects.filter(revision=twin).values("hour")
        EndpointHour.objects.filter(revision=row).exclude(hour__in=there).update(revision=twin)
        if twin.hidden and not row.hidden:
            Revision.everything.filter(pk=twin.pk).update(hidden=False)
        row.delete()


def move_statements(gone: Model, stays: Model) -> None:
    """Facts and prices that the model which stays lacks; its own go before the other's."""
    said = set(Fact.objects.filter(model=stays).values_list("field", "origin"))
    for fact in Fact.objects.filter(model=gone):
        if (fact.field, fact.origin) not in said:
            Fact.objects.filter(pk=fact.pk).update(model=stays)
    if not Price.objects.filter(model=stays).exists():
        Price.objects.filter(model=gone).update(model=stays)
