"""Organisations: made, joined, left. Each act leaves an audit row."""

from django.db import transaction
from django.db.models.functions import Now

from leaderboard.actions.errors import Conflict, Forbidden, NotFound, Refused
from leaderboard.actions.names import check_name
from leaderboard.models import ApiToken, Audit, Membership, Owner, User

MOST = 10
"""Organisations of which one person is an owner, and"""
MOST_PEOPLE = 200
"""who belong to one."""
ROLES = frozenset(Membership.Role.values)


def note(*, actor: User, action: str, organisation: Owner, told: str) -> None:
    """The audit row of an act for an organisation, in the caller's transaction."""
    Audit.objects.create(
        actor=actor.username[:200], action=action, subject=f"organisation {organisation.pk}", reason=told
    )


@transaction.atomic
def make_organisation(*, name: str, user: User) -> Owner:
    """A new organisation of which `user` is the owner; raises Refused for its name, Conflict for one too many."""
    User.objects.select_for_update().get(pk=user.pk)
    if Membership.objects.filter(user=user, role=Membership.Role.OWNER).count() >= MOST:
        raise Conflict("too_many_organisations", f"You own {MOST} organisations already.", field="name")
    look = check_name(name=name)
    made = Owner.objects.create(kind=Owner.Kind.ORGANISATION, name=name, skeleton=look)
    Membership.objects.create(organisation=made, user=user, role=Membership.Role.OWNER)
    note(actor=user, action="make_organisation", organisation=made, told=name)
    return made


def governed(organisation: int, user: User) -> Owner:
    """The organisation, locked, of which `user` has to be an owner; NotFound where they do not belong to it."""
    row = Owner.objects.select_for_update().filter(pk=organisation, kind=Owner.Kind.ORGANISATION).first()
    mine = Membership.objects.filter(organisation=row, user=user).first() if row else None
    if row is None or mine is None:
        raise NotFound("unknown_organisation", f"You belong to no organisation {organisation}.")
    if mine.role != Membership.Role.OWNER:
        raise Forbidden("not_yours", f"Only owners of {row.name} say who belongs to it.")
    return row


@transaction.atomic
def add_member(*, organisation: int, username: str, role: str, user: User) -> Membership:
    """Give the person named `username` a role; raises NotFound, Forbidden, Refused, Conflict."""
    row = governed(organisation, user)
    if role not in ROLES:
        raise Refused("bad_role", f"A role is one of {', '.join(sorted(ROLES))}.", field="role")
    person = User.objects.filter(username__iexact=username.strip()[:150], is_active=True).first()
    if person is None:
        raise NotFound("unknown_person", f"There is nobody named {username.strip()[:60]!r}.", field="username")
    if Membership.objects.filter(organisation=row, user=person).exists():
        raise Conflict("belongs_already", f"{person.username} belongs to {row.name} already.", field="username")
    if Membership.objects.filter(organisation=row).count() >= MOST_PEOPLE:
        raise Conflict("too_many_people", f"At most {MOST_PEOPLE} belong to an organisation.", field="username")
    made = Membership.objects.create(organisation=row, user=person, role=role)
    note(actor=user, action="add_member", organisation=row, told=f"{person.username}: {role}")
    return made


@transaction.atomic
def change_role(*, organisation: int, person: int, role: str, user: User) -> None:
    """Another role for somebody who belongs to it. Who only reads from now on loses the tokens that they made."""
    row = governed(organisation, user)
    if role not in ROLES:
        raise Refused("bad_role", f"A role is one of {', '.join(sorted(ROLES))}.", field="role")
    changed = theirs(row, person)
    if changed.role == Membership.Role.OWNER and role != Membership.Role.OWNER:
        keep_an_owner(row, changed)
    Membership.objects.filter(pk=changed.pk).update(role=role)
    if role == Membership.Role.VIEWER:
        end_tokens(row, changed.user)
    note(actor=user, action="change_role", organisation=row, told=f"{changed.user.username}: {changed.role} to {role}")


@transaction.atomic
def remove_member(*, organisation: int, person: int, user: User) -> None:
    """End a membership: an owner anybody's, everybody their own. Tokens that the person made for it end too."""
    row = Owner.objects.select_for_update().filter(pk=organisation, memberships__user=user).first()
    if row is None or person != user.pk:
        row = governed(organisation, user)
    ended = theirs(row, person)
    if ended.role == Membership.Role.OWNER:
        keep_an_owner(row, ended)
    end_tokens(row, ended.user)
    ended.delete()
    note(actor=user, action="remove_member", organisation=row, told=ended.user.username)


def theirs(organisation: Owner, person: int) -> Membership:
    """The membership of the user numbered `person`; raises NotFound."""
    found = Membership.objects.select_related("user").filter(organisation=organisation, user=person).first()
    if found is None:
        raise NotFound("unknown_person", f"Nobody with that number belongs to {organisation.name}.")
    return found


def keep_an_owner(organisation: Owner, leaving: Membership) -> None:
    """Raise Conflict where nobody else is an owner."""
    others = Membership.objects.filter(organisation=organisation, role=Membership.Role.OWNER).exclude(pk=leaving.pk)
    if not others.exists():
        raise Conflict("last_owner", f"{leaving.user.username} is the only owner of {organisation.name}.")


def end_tokens(organisation: Owner, person: User) -> None:
    """Revoke what `person` made for the organisation."""
    ApiToken.objects.filter(owner=organisation, user=person, revoked_at=None).update(revoked_at=Now())
