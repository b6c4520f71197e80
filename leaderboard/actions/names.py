"""Names of people and organisations: plain, and told apart by who reads them."""

import re

from leaderboard.actions.errors import Conflict, Refused
from leaderboard.models import Owner

PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,37}[A-Za-z0-9])?")
ALIKE = str.maketrans({"0": "o", "1": "l", "i": "l", "5": "s", "8": "b", ".": "", "-": "", "_": ""})
"""What looks alike among plain letters; other alphabets are not taken at all."""
KEPT = frozenset(
    {"admin", "administrator", "parity", "root", "staff", "support", "system", "api", "settings", "deleted"}
)
"""Names that would speak for the site."""


def skeleton(name: str) -> str:
    """What is left of a name when looks do not count: equal for names that a reader may take for each other."""
    return name.lower().replace("rn", "m").replace("vv", "w").translate(ALIKE)


def check_name(*, name: str) -> str:
    """The skeleton of a new name; raises Refused for one that is not plain, Conflict where it looks like another's."""
    if not PLAIN.fullmatch(name):
        raise Refused(
            "bad_name",
            "A name has 1 to 39 plain letters and digits, and . _ - between them, such as ada or open-lab.",
            field="name",
        )
    found = skeleton(name)
    if found in {skeleton(kept) for kept in KEPT}:
        raise Refused("kept_name", f"{name} would be taken for the site itself. Choose another name.", field="name")
    if Owner.objects.filter(skeleton=found).exists() or Owner.objects.filter(name__iexact=name).exists():
        raise Conflict("name_taken", f"{name} is taken, or looks like a name that is. Choose another.", field="name")
    return found
