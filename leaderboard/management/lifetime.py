"""How commands are told how long a token lasts."""

from argparse import ArgumentTypeError
from datetime import timedelta

MOST_DAYS = 3650


def lifetime(text: str) -> timedelta:
    """Days as typed, 1 to 3650."""
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MOST_DAYS):
        raise ArgumentTypeError(f"A token lasts from 1 to {MOST_DAYS} days, not {text!r}.")
    return timedelta(days=int(text))
