"""What the site adds to allauth: names that cannot be mistaken for others, whose e-mails are vouched for, who asked.

allauth calls these while it handles a request; what it stores of a person is its own, the Owner row is ours.
"""

import ipaddress
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.stages import EmailVerificationStage
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings as site
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from leaderboard import throttles
from leaderboard.actions.accounts import ensure_owner
from leaderboard.actions.errors import Refused
from leaderboard.actions.names import check_name
from leaderboard.models import User

STAGE = "allauth.account.stages.EmailVerificationStage"
NOWHERE = "0.0.0.0"  # noqa: S104  # an address that is none, for the list of sessions


class KnownEmail(EmailVerificationStage):
    """Before a session begins: the e-mail address is verified. An account without one was made by the operator."""

    def handle(self) -> Any:
        user = self.login.user
        if user is not None and not user.email:
            return None, True
        return super().handle()


class Adapter(DefaultAccountAdapter):
    """Accounts with passwords."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(site.SIGNUP_OPEN)

    def clean_username(self, username: str, shallow: bool = False) -> str:
        """Raises ValidationError for a name that is not plain, or looks like one that somebody has."""
        try:
            check_name(name=username)
        except Refused as error:
            raise ValidationError(error.message) from error
        return str(super().clean_username(username, shallow))

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        saved: User = super().save_user(request, user, form, commit)
        if commit:
            ensure_owner(user=saved)
        return saved

    def get_login_stages(self) -> list[str]:
        return ["leaderboard.adapter.KnownEmail" if stage == STAGE else stage for stage in super().get_login_stages()]

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address for the list of sessions; `NOWHERE` where a socket or a proxy named none."""
        text = throttles.hop(request)
        try:
            return str(ipaddress.ip_address(text))
        except ValueError:
            return NOWHERE


class SocialAdapter(DefaultSocialAccountAdapter):
    """Accounts that GitHub or Hugging Face vouches for."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return bool(site.SIGNUP_OPEN)

    def save_user(self, request: HttpRequest, sociallogin: Any, form: Any = None) -> User:
        saved: User = super().save_user(request, sociallogin, form)
        ensure_owner(user=saved)
        return saved
