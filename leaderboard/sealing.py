"""Small secrets at rest: encrypted and authenticated, with a key made from PARITY_SECRET_KEY.

After a change of that key the old one goes to PARITY_SECRET_KEY_FALLBACKS; what it sealed can then still be read, and
`renewed` seals it anew. Fernet: AES-128-CBC and HMAC-SHA256, with a random IV.

What is sealed may be bound to something outside it ("owner 7 at https://api.example.org"), which is not stored with it
but goes into the key: whoever moves the sealed text to another row, or edits what it was bound to, cannot open it.
"""

import base64
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class SealError(Exception):
    """A sealed text cannot be read: it was sealed with another key or for another purpose, or it was changed."""

    def __init__(self, purpose: str) -> None:
        super().__init__(
            f"The stored {purpose} cannot be decrypted. It was sealed with another PARITY_SECRET_KEY (add the old one "
            "to PARITY_SECRET_KEY_FALLBACKS), or it was changed."
        )


def seal(secret: str, *, purpose: str, bound: str = "") -> str:
    """`secret` as it may be stored. `purpose` ("webhook secret") parts the keys: one's text opens nowhere else."""
    return box(purpose, bound).encrypt(secret.encode()).decode("ascii")


def unseal(sealed: str, *, purpose: str, bound: str = "") -> str:
    """What was sealed; raises SealError."""
    try:
        return box(purpose, bound).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise SealError(purpose) from None


def renewed(sealed: str, *, purpose: str, bound: str = "") -> str:
    """The same secret, sealed with the newest key; raises SealError."""
    try:
        return box(purpose, bound).rotate(sealed.encode()).decode("ascii")
    except InvalidToken:
        raise SealError(purpose) from None


def box(purpose: str, bound: str = "") -> MultiFernet:
    """Seals with the newest key, opens with each."""
    return derived((settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS), f"{purpose}\0{bound}" if bound else purpose)


@lru_cache(maxsize=256)
def derived(keys: tuple[str, ...], info: str) -> MultiFernet:
    return MultiFernet([Fernet(key_for(key, info)) for key in keys])


def key_for(secret_key: str, info: str) -> bytes:
    """HKDF-SHA256 (RFC 5869) of a long random text, as Fernet takes it: 32 bytes in URL-safe base64."""
    made = HKDF(algorithm=SHA256(), length=32, salt=None, info=f"parity {info}".encode())
    return base64.urlsafe_b64encode(made.derive(secret_key.encode()))
