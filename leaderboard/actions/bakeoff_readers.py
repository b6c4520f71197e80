"""A report shared with named people, who log in and read its numbers until they are taken off. Each act is audited."""

from django.db import transaction

from leaderboard.actions.errors import Conflict, NotFound
from leaderboard.actions.share_bakeoff import locked
from leaderboard.actions.text import storable
from leaderboard.models import Audit, Bakeoff, BakeoffReader, Owner, User

MOST = 50


@transaction.atomic
def add_reader(*, owner: Owner, by: User, bakeoff: int, username: str) -> BakeoffReader:
    """Let the person named `username` read the numbers of the owner's report. Raises NotFound, Conflict."""
    row = locked(owner, bakeoff)
    name = storable(username.strip())
    person = User.objects.filter(username__iexact=name[:150], is_active=True).first() if name else None
    if person is None:
        raise NotFound("unknown_person", f"There is nobody named {name[:60]!r} here.", field="username")
    if getattr(person, "owner", None) == owner or person.memberships.filter(organisation=owner).exists():
        raise Conflict("reads_already", f"{person.username} reads all of it already.", field="username")
    if row.readers.filter(user=person).exists():
        raise Conflict("reads_already", f"{person.username} reads it already.", field="username")
    if row.readers.count() >= MOST:
        raise Conflict("too_many_readers", f"At most {MOST} people read a report; take one off first.")
    made = BakeoffReader.objects.create(bakeoff=row, user=person)
    note(by, "share_bakeoff", row, f"with {person.username}")
    return made


@transaction.atomic
def remove_reader(*, owner: Owner, by: User, bakeoff: int, person: int) -> None:
    """From now on the person numbered `person` does not read it. Raises NotFound."""
    row = locked(owner, bakeoff)
    ended = row.readers.select_related("user").filter(user=person).first()
    if ended is None:
        raise NotFound("unknown_person", f"Nobody with the number {person} reads this report.")
    ended.delete()
    note(by, "unshare_bakeoff", row, f"not with {ended.user.username} any more")


def note(by: User, action: str, bakeoff: Bakeoff, told: str) -> None:
    """The audit row, which says nothing of what is in the report; in the caller's transaction."""
    Audit.objects.create(actor=by.username[:200], action=action, subject=f"bake-off {bakeoff.pk}", reason=told)
