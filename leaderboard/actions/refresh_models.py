"""Read what the Hub says of a model again: licences change, models go."""

import logging
from datetime import timedelta

from django.conf import settings as site
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from evaluator import hub
from leaderboard.actions.catalogue import settle
from leaderboard.actions.validate import said_of
from leaderboard.models import Model
from leaderboard.models.routines import FOLLOWED

log = logging.getLogger(__name__)

EVERY = timedelta(days=7)
"""Between two looks at a model."""


def refresh_models() -> int:
    """Look again at `PARITY_REFRESH_HOUR` of the models that were evaluated here; returns how many were read.

    Ends early where the Hub cannot be reached: the next one would wait as long for the same answer.
    """
    due = Model.objects.filter(
        Q(refreshed_at=None) | Q(refreshed_at__lte=Now() - EVERY), revisions__source__in=FOLLOWED
    )
    rows = due.distinct().order_by(F("refreshed_at").asc(nulls_first=True), "pk")[: site.REFRESH_HOUR]
    read = 0
    for row in list(rows):
        try:
            pinned = hub.pin(
                row.name, mirrors=site.HUB_MIRRORS, token=site.HUB_TOKEN, endpoint=site.HUB_ENDPOINT,
                cache=site.STATE_DIR / "hashes",
            )  # fmt: skip
        except hub.HubError as error:
            if error.code == "hub_unreachable":
                log.warning("Models are not read again now: %s", error.message)
                break
            refreshed(model=row.pk, facts={"available": False} if error.code == "model_not_found" else {})
        else:
            there = {"available": True} if pinned.source == "hub" else {}
            refreshed(model=row.pk, facts=said_of(pinned) | there)
            read += 1
    return read


@transaction.atomic
def refreshed(*, model: int, facts: dict[str, object]) -> None:
    """Note a look and what it said; what the staff stated stays."""
    Model.everything.filter(pk=model).update(refreshed_at=Now(), **facts)
    settle(models=[model])
