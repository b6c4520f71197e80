"""Make people, owners and tokens."""

from collections.abc import Sequence
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models.functions import Now

from leaderboard import tokens
from leaderboard.actions.names import skeleton
from leaderboard.models import ApiToken, Owner, User, WorkerToken
from leaderboard.models.accounts import everything


@transaction.atomic
def create_person(*, username: str, password: str | None, email: str = "", staff: bool = False) -> User:
    """A user with the Owner row that owns what they submit. No password: nobody can log in as them."""
    user = User.objects.create_user(username=username, email=email, password=password, is_staff=staff)
    Owner.objects.create(kind=Owner.Kind.PERSON, name=username, skeleton=free_skeleton(username), user=user)
    if email:  # whoever runs the site vouches for it
        EmailAddress.objects.create(user=user, email=email.lower(), verified=True, primary=True)
    return user


def free_skeleton(name: str) -> str | None:
    """How the name looks, where no other has that look: operators may choose names that people may not."""
    found = skeleton(name)
    return None if Owner.objects.filter(skeleton=found).exists() else found


@transaction.atomic
def ensure_owner(*, user: User) -> Owner:
    """The Owner row of a person; users that Django's own commands made get theirs here."""
    owner = Owner.objects.filter(user=user).first()
    if owner is None:
        taken = Owner.objects.filter(name=user.username).exists()
        name = f"{user.username[:120]} (person {user.pk})" if taken else user.username
        owner = Owner.objects.create(
            kind=Owner.Kind.PERSON, name=name, skeleton=None if taken else free_skeleton(name), user=user
        )
    return owner


@transaction.atomic
def create_api_token(
    *,
    owner: Owner,
    user: User,
    name: str,
    token: str | None = None,
    lifetime: timedelta | None = None,
    scopes: Sequence[str] | None = None,
) -> str:
    """A new bearer token; returned once, kept as a digest only. `token` gives one that was made elsewhere, `scopes`
    what it does besides reading (None: everything).

    It ends `lifetime` from now, by the database's clock; None: when it is revoked.
    """
    token = token or tokens.new("parity")
    values = {"owner": owner, "user": user, "name": name, "revoked_at": None, "expires_at": end_of(lifetime)}
    values["scopes"] = everything() if scopes is None else sorted(scopes)
    ApiToken.objects.update_or_create(digest=tokens.digest(token), defaults=values)
    return token


@transaction.atomic
def register_worker_token(*, name: str, token: str, trusted: bool, lifetime: timedelta | None = None) -> WorkerToken:
    """Let workers that hold `token` claim jobs. The same name gets the new token, and the old one ends.

    It ends `lifetime` from now, by the database's clock; None: when it is revoked or replaced.
    """
    values = {"digest": tokens.digest(token), "trusted": trusted, "revoked_at": None, "expires_at": end_of(lifetime)}
    row, _ = WorkerToken.objects.update_or_create(name=name, defaults=values)
    return row


def end_of(lifetime: timedelta | None) -> object:
    """The value of `expires_at` for a token that is made now."""
    return None if lifetime is None else Now() + lifetime


@transaction.atomic
def revoke_api_token(*, token: ApiToken) -> None:
    """End a bearer token."""
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=Now())


@transaction.atomic
def choose_mail(*, user: User, wanted: bool) -> None:
    """Whether a person gets an e-mail at the end of each submission of theirs."""
    User.objects.filter(pk=user.pk).update(mail_when_done=wanted)
