"""What a person grades without knowing whose answer is whose: which items first, and which answer to the left.

Both come out of the judging's own secret salt, so that they are the same whenever the page is opened, and nobody who
wrote or reads an answer can know them.
"""

import hashlib


def drawn(salt: str, what: str, number: int) -> bytes:
    return hashlib.sha256(f"{salt}/{what}/{number}".encode()).digest()


def first_left(salt: str, number: int) -> bool:
    """Whether the first model's answer is shown to the left of an item."""
    return drawn(salt, "side", number)[0] % 2 == 0


def order(salt: str, n: int) -> list[int]:
    """The n items in the order in which they are graded, so that however many are, they are a random sample."""
    return sorted(range(n), key=lambda number: drawn(salt, "order", number))


def chosen(salt: str, n: int, most: int) -> list[int]:
    """`most` of n items at random, ascending; all of them where there are no more."""
    if n <= most:
        return list(range(n))
    return sorted(sorted(range(n), key=lambda number: drawn(salt, "item", number))[:most])
