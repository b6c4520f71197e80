"""Do something that is on the schedule, and note how it went."""

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from leaderboard.actions.text import storable
from leaderboard.models import RoutineRun

log = logging.getLogger(__name__)

LIMIT = 300
AGAIN = timedelta(minutes=10)
"""A message may come twice: what may be done only once is not done again so soon."""


def run(*, name: str, parts: Mapping[str, Callable[[], int]], once: bool = False) -> bool:
    """Do every part; returns whether it was done and all went well. `parts`: what is counted, and the action that
    returns how many. One that fails keeps none of the others from being done, and is told on /staff and in the log.
    `once`: not if it began a moment ago.
    """
    if not begin(name=name, once=once):
        return False
    done: list[str] = []
    failed: list[str] = []
    for what, part in parts.items():
        try:
            number = part()
        except Exception as error:
            log.exception("The routine %s failed at: %s. It is tried again at its next time.", name, what)
            failed.append(f"{what}: {type(error).__name__}: {error}")
        else:
            done += [f"{number} {what}"] if number else []
    end(name=name, said=", ".join(done) or "nothing to do", problem="; ".join(failed))
    return not failed


@transaction.atomic
def begin(*, name: str, once: bool) -> bool:
    """Note that it begins; False where it began a moment ago and is to be done once."""
    RoutineRun.objects.get_or_create(name=name, defaults={"began_at": Now() - 2 * AGAIN})
    row = RoutineRun.objects.select_for_update().filter(name=name)
    if once:
        row = row.filter(began_at__lt=Now() - AGAIN)
    keys = list(row.values_list("pk", flat=True))
    return bool(RoutineRun.objects.filter(pk__in=keys).update(began_at=Now(), ended_at=None))


@transaction.atomic
def end(*, name: str, said: str, problem: str) -> None:
    """Note how it went."""
    told = {"said": storable(said)[:LIMIT], "problem": storable(problem)[:LIMIT]}
    RoutineRun.objects.filter(name=name).update(ended_at=Now(), **told)
