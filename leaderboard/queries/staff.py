"""What the staff looks through: anybody's submissions, workers and their tokens, and what was done."""

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from leaderboard.models import Audit, ProviderOrigin, Submission, Worker, WorkerToken
from leaderboard.models.submissions import LIVE, STAFF_MOVES

SHOWN = 50


@dataclass(frozen=True)
class Line:
    """A submission and what may be done to it now."""

    submission: Submission
    acts: list[str]


def submissions(search: str) -> list[Line]:
    """The newest whose number is `search`, or whose model, owner or state has it in its name. 1 query."""
    found = Submission.objects.select_related("owner", "suite").order_by("-pk")
    words = search.strip()[:200].replace("\x00", "")
    if words.isascii() and words.isdigit() and len(words) < 18:
        found = found.filter(pk=int(words))
    elif words:
        found = found.filter(
            Q(requested_model__icontains=words) | Q(owner__name__icontains=words) | Q(state=words.lower())
        )
    return [Line(row, acts_of(row)) for row in found[:SHOWN]]


def acts_of(row: Submission) -> list[str]:
    """In the order in which they are shown."""
    acts = [act for act, (before, _) in STAFF_MOVES.items() if before == row.state]
    if row.state in LIVE:
        return ["cancel", *acts]
    if row.state == Submission.State.QUARANTINED:
        return acts
    return ["retry", *acts, "flag"] if row.state == Submission.State.SUCCEEDED else ["retry", *acts]


def workers() -> QuerySet[Worker]:
    return Worker.objects.select_related("token").order_by("-last_seen_at")[:SHOWN]


def worker_tokens() -> QuerySet[WorkerToken]:
    return WorkerToken.objects.order_by("revoked_at", "name")[:SHOWN]


def origins() -> QuerySet[ProviderOrigin]:
    """Whose models answer where, by the staff's word."""
    return ProviderOrigin.objects.select_related("model").order_by("origin", "served")[:SHOWN]


def acts() -> QuerySet[Audit]:
    """What was done lately by people with power."""
    return Audit.objects.order_by("-pk")[:SHOWN]
