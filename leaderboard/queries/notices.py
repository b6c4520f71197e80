"""Webhooks and deliveries as their owner sees them."""

from django.db.models import OuterRef, QuerySet, Subquery

from leaderboard.models import Delivery, Outbox, Owner, Webhook
from leaderboard.queries.errors import BadQuery, Missing


def webhooks(owner: Owner) -> QuerySet[Webhook]:
    """Active ones first, then disabled ones, each newest first."""
    return Webhook.objects.filter(owner=owner).order_by("-disabled_at", "-pk")


def webhook(owner: Owner, pk: int) -> Webhook:
    """One of an owner's; raises Missing, also for somebody else's."""
    found = Webhook.objects.filter(owner=owner, pk=pk).first()
    if found is None:
        raise Missing("webhook", f"You have no webhook {pk}.")
    return found


def active_webhooks(owner: Owner | None) -> QuerySet[Webhook]:
    """Those that get messages, oldest first."""
    return Webhook.objects.filter(owner=owner, disabled_at=None).order_by("pk") if owner else Webhook.objects.none()


def deliveries(owner: Owner | None, state: str = "") -> QuerySet[Delivery]:
    """Newest first, those in `state` only if one is given, each with `next_at`: when it is tried (again); raises
    BadQuery."""
    if owner is None:
        return Delivery.objects.none()
    if state and state not in Delivery.State.values:
        raise BadQuery("state", f"state is one of {', '.join(Delivery.State.values)}, not {state[:40]!r}.")
    bell = Outbox.objects.filter(kind=Outbox.Kind.DELIVER, subject=OuterRef("pk"))
    found = Delivery.objects.filter(submission__owner=owner, **({"state": state} if state else {}))
    found = found.select_related("webhook", "submission__suite").annotate(next_at=Subquery(bell.values("ring_after")))
    return found.order_by("-created_at", "-pk")
