"""Who belongs to which organisation, and for whom somebody acts."""

from dataclasses import dataclass

from django.db.models import Count, QuerySet

from leaderboard.models import Membership, Owner, User
from leaderboard.queries.errors import Missing

WRITERS = frozenset({Membership.Role.OWNER, Membership.Role.MEMBER})


@dataclass(frozen=True)
class Acting:
    """For whom: oneself or an organisation, and with which role there."""

    owner: Owner
    role: str

    @property
    def writes(self) -> bool:
        return self.role in WRITERS

    @property
    def governs(self) -> bool:
        return self.role == Membership.Role.OWNER


def acting_for(user: User, organisation: int) -> Acting | None:
    """The user's part in an organisation; None where they have none (any more)."""
    found = Membership.objects.select_related("organisation").filter(user=user, organisation=organisation).first()
    return Acting(found.organisation, found.role) if found else None


def memberships(user: User) -> QuerySet[Membership]:
    """The user's organisations by name, each with how many belong to it."""
    rows = Membership.objects.filter(user=user).select_related("organisation")
    return rows.annotate(people=Count("organisation__memberships")).order_by("organisation__name")


def people(user: User, organisation: int) -> tuple[Acting, QuerySet[Membership]]:
    """Who belongs to an organisation, owners first; raises Missing, also for one that the user does not belong to."""
    mine = acting_for(user, organisation)
    if mine is None:
        raise Missing("organisation", f"You belong to no organisation {organisation}.")
    rows = Membership.objects.filter(organisation=organisation).select_related("user")
    return mine, rows.order_by("role", "user__username")
