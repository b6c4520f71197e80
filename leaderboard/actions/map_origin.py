"""The staff says whose models answer at an origin, or takes that back: what an endpoint's rank hangs on."""

import re

from django.db import transaction
from django.db.models import Q

from evaluator.addresses import AddressRefused, Allowed, check_url
from leaderboard.actions.endpoint_revision import model_of
from leaderboard.actions.errors import NotFound, Refused
from leaderboard.actions.keys import origin_of
from leaderboard.actions.rank import build_snapshot
from leaderboard.actions.text import storable
from leaderboard.models import Audit, Model, ProviderOrigin, Revision, Submission, Suite, User
from leaderboard.queries.endpoints import whose

PROVIDER = re.compile(r"[a-z0-9][a-z0-9-]{0,99}")


@transaction.atomic
def map_origin(
    *, origin: str, provider: str, source: str, by: User, served: str = "", model: str = ""
) -> ProviderOrigin:
    """State that `origin` is `provider`'s; with `served`, that this model there is the catalogue's `model`.

    What was evaluated there moves under that name, and the rankings are built anew. Raises Refused, NotFound.
    """
    check_staff(by)
    place = checked_origin(origin)
    if not PROVIDER.fullmatch(provider):
        raise Refused(
            "bad_provider", "A provider is an organisation of the catalogue, such as openai.", field="provider"
        )
    if bool(served) != bool(model):
        raise Refused("bad_model", "Give the served name and the catalogue's together, or neither.", field="model")
    where = str(storable(source.strip()))
    if not where:
        raise Refused("no_source", "A statement needs its source: an address, a document, a person.", field="source")
    row = Model.objects.filter(name=model).first() if model else None
    if model and row is None:
        raise NotFound("unknown_model", f"There is no model {model!r} here.", field="model")
    said, _ = ProviderOrigin.objects.update_or_create(
        origin=place,
        served=served,
        defaults={"provider": provider, "model": row, "source": where[:300], "stated_by": by},
    )
    told = f"{served or 'every model'} is {model or f'{provider}/…'}: {where}"
    Audit.objects.create(actor=str(by), action="origin mapped", subject=place[:200], reason=told)
    move_revisions(origin=place, served=served)
    return said


@transaction.atomic
def unmap_origin(*, origin: str, reason: str, by: User, served: str = "") -> None:
    """Take a statement back: what was evaluated there is unverified again. Raises Refused, NotFound."""
    check_staff(by)
    if not reason.strip():
        raise Refused("no_reason", "Taking a statement back needs a reason: the audit keeps it.", field="reason")
    place = checked_origin(origin)
    removed, _ = ProviderOrigin.objects.filter(origin=place, served=served).delete()
    if not removed:
        raise NotFound("unknown_origin", f"The staff says nothing of {served or 'every model'} at {place}.")
    Audit.objects.create(
        actor=str(by),
        action="origin unmapped",
        subject=place[:200],
        reason=str(storable(f"{served or 'every model'}: {reason}")),
    )
    move_revisions(origin=place, served=served)


def check_staff(by: User) -> None:
    if not by.is_staff:
        raise Refused("not_staff", "Only this site's staff says whose an address is.")


def checked_origin(text: str) -> str:
    """An origin in its one spelling; an operator may vouch for servers of their own, so private ones too."""
    everything = Allowed.parse("0.0.0.0/0,::/0")
    bare = text.strip().rstrip("/")
    host = bare.partition("://")[2].partition("/")[0]
    try:
        exceptions = Allowed.parse(host) if host else everything
        target = check_url(bare, Allowed(exceptions.hosts, everything.networks))
    except (AddressRefused, ValueError) as error:
        raise Refused("bad_origin", f"{text[:100]!r} is not an origin: {error}", field="origin") from error
    if target.path != "/":
        raise Refused("bad_origin", "An origin has no path, such as https://api.openai.com.", field="origin")
    return origin_of(target)


def move_revisions(*, origin: str, served: str) -> None:
    """Put what was evaluated there under the name that holds now. Runs in the caller's transaction."""
    chosen = Q(origin=origin) & (Q(served=served) if served else Q())
    moved = list(Revision.everything.select_for_update().filter(chosen).order_by("pk"))
    for revision in moved:
        revision.model = model_of(whose(revision.origin, revision.served), private=revision.hidden)
    Revision.everything.bulk_update(moved, ["model"])
    ranked = Submission.everything.filter(revision__in=moved, state=Submission.State.SUCCEEDED)
    for suite in Suite.objects.filter(submissions__in=ranked).distinct().order_by("pk"):
        build_snapshot(suite=suite, anew=True)
