"""Bearer tokens: 256 random bits, shown once, kept as SHA-256. Their entropy makes a slow hash pointless."""

import hashlib
import hmac
import secrets

from django.conf import settings


def new(prefix: str) -> str:
    """A fresh token; the prefix (such as "parity") lets secret scanners recognise it."""
    return f"{prefix}_{secrets.token_hex(32)}"


def derived(prefix: str, *parts: str) -> str:
    """The token that only this site can make of `parts`, the same each time: nobody who knows them can guess it."""
    spelled = "".join(f"{len(part)}:{part}" for part in (prefix, *parts)).encode()
    return f"{prefix}_{hmac.new(settings.SECRET_KEY.encode(), spelled, hashlib.sha256).hexdigest()}"


def digest(token: str) -> str:
    """SHA-256 (hex) of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def matches(token: str, expected: str) -> bool:
    """Whether `token` has the digest `expected`, in constant time; an empty digest matches nothing."""
    return bool(expected) and hmac.compare_digest(digest(token), expected)
