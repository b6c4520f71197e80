"""Which program this is: replies that readers keep are made anew by another release."""

import hashlib
from functools import cache
from pathlib import Path

from django.conf import settings

from leaderboard import environment


@cache
def program() -> str:
    """The digest (hex) of everything that decides what is made of the same data: code, templates, static files."""
    folders = ((environment.ROOT / "leaderboard", "*.py"), (environment.ROOT / "templates", "*.html"))
    files = [path for folder, pattern in folders for path in sorted(folder.rglob(pattern))]
    files += [path for path in [Path(settings.STATIC_ROOT) / "staticfiles.json"] if path.exists()]
    digest = hashlib.sha256()
    for path in files:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
