"""Bearer tokens for both APIs."""

from typing import Any

from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import Now
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from leaderboard import last_used, tokens
from leaderboard.models import ApiToken, User
from leaderboard.queries.tokens import api_token


def bearer(header: bytes) -> str | None:
    """The token of an Authorization header, or None when it carries no bearer token."""
    kind, _, token = header.decode("latin-1").strip().partition(" ")
    return token.strip() if kind.lower() == "bearer" and token.strip() else None


EXPIRED = ExpressionWrapper(Q(expires_at__lte=Now()), output_field=BooleanField())
"""Whether a token's time is over, by the database's clock; NULL for one that has no end."""


class BearerToken(BaseAuthentication):
    """`Authorization: Bearer parity_...`; `request.auth` is the ApiToken, whose owner acts."""

    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        token = bearer(get_authorization_header(request))
        if token is None:
            return None
        found = api_token(tokens.digest(token))
        if found is None:
            raise AuthenticationFailed("This API token is wrong or was revoked.")
        row, expired = found
        if expired:
            ended = f"{row.expires_at:%-d %B %Y, %H:%M} UTC"
            raise AuthenticationFailed(f"This API token expired on {ended}; use a new one.", code="token_expired")
        last_used.note(row.pk)
        return row.user, row

    def authenticate_header(self, request: Request) -> Any:
        return f'{self.keyword} realm="parity"'
