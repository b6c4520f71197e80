"""How the site is, for an e-mail to its staff: what to look after, and what the last day brought."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count
from django.db.models.functions import Now

from leaderboard.models import Delivery, DriftCheck, Follow, Remark, Submission, Watch
from leaderboard.models.submissions import LIVE
from leaderboard.queries import health
from leaderboard.queries.routines import lines
from leaderboard.queries.status import status

DAY = timedelta(days=1)
GIGABYTE = 10**9


@dataclass(frozen=True)
class Digest:
    """`problems`: sentences, none where all is well. `facts`: names and values."""

    problems: list[str]
    facts: list[tuple[str, str]]


def digest() -> Digest:
    """The state at this moment and of the last 24 hours."""
    ended = dict(
        Submission.everything.filter(finished_at__gte=Now() - DAY).values_list("state").annotate(n=Count("pk"))
    )
    now = status()
    free = health.free_bytes()
    facts = [
        ("Submissions ended", ", ".join(f"{n} {state}" for state, n in sorted(ended.items())) or "none"),
        ("Under way", str(Submission.everything.filter(state__in=LIVE).count())),
        ("Jobs waiting", str(sum(queue.waiting for queue in now.queues))),
        ("Workers online", str(now.online)),
        ("Disputes and flags", str(Remark.objects.filter(created_at__gte=Now() - DAY).count())),
    ]
    if free is not None:
        facts.append(("Free for samples", f"{free / GIGABYTE:.1f} GB"))
    return Digest([*now.problems, *parts(), *routines(), *endpoints(), *others(ended)], facts)


def parts() -> list[str]:
    """What the site lacks."""
    return [f"The part {part.name}: {part.trouble}." for part in health.readiness().parts if part.trouble]


def routines() -> list[str]:
    """What is on the schedule and did not go well, or not at all."""
    found = [
        f"The routine {line.name} went wrong: {line.run.problem}" for line in lines() if line.run and line.run.problem
    ]
    return found + [f"The routine {line.name} has not run when it was due." for line in lines() if line.late]


def endpoints() -> list[str]:
    """Checks of endpoints that found something, or that could not be made."""
    drifted = DriftCheck.objects.filter(drifted=True, created_at__gte=Now() - DAY).select_related("endpoint")
    found = [
        f"Endpoint {check.endpoint_id} answers otherwise than before (submission {check.current_id})."
        for check in drifted
    ]
    stuck = Watch.objects.exclude(problem="").order_by("pk")
    return found + [f"Endpoint {watch.endpoint_id} is not measured again: {watch.problem}" for watch in stuck]


def others(ended: dict[str, int]) -> list[str]:
    """Follows that wait, messages that nobody took, evaluations that failed."""
    found = [
        f"{row.model} is followed in vain: {row.problem}" for row in Follow.objects.exclude(problem="").order_by("pk")
    ]
    dead = Delivery.objects.filter(state=Delivery.State.DEAD, ended_at__gte=Now() - DAY).count()
    if dead:
        found.append(f"{dead} message{'s' if dead > 1 else ''} could not be delivered.")
    broken = ended.get(Submission.State.FAILED, 0) + ended.get(Submission.State.QUARANTINED, 0)
    if broken:
        found.append(f"{broken} evaluation{'s' if broken > 1 else ''} failed or went into quarantine.")
    return found
