"""Note that a part of the site is at work."""

from django.db import transaction
from django.db.models.functions import Now

from leaderboard.models import Pulse


@transaction.atomic
def pulse(*, part: Pulse.Part) -> None:
    """`part` is alive at this moment."""
    Pulse.objects.update_or_create(part=part, defaults={"at": Now()})
