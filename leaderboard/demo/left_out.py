"""What the programs of the demonstration do without, though it is installed here: to be imported before anything else.

Libraries of the site load these where they find them, for nothing that it does: PyArrow pandas (to ask whether a list
is one of its tables), requests chardet (to guess an answer's letters), httpx pygments and rich (for a command),
Django's client for tests jinja2, OpenTelemetry psutil: 40, 11, 5, 2 and 1 MB in each process. They come with lm-eval
and the embedded servers; the site's image has none of them. gunicorn reads this module as its configuration, and finds
none in it.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

ABSENT = frozenset({"pandas", "chardet", "pygments", "rich", "jinja2", "psutil"})


class Absent(MetaPathFinder):
    """Finds that they are not installed. None in sys.modules would say so too, but PyArrow takes it for pandas."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in ABSENT:
            raise ModuleNotFoundError(f"The demonstration does without {fullname}.", name=fullname)
        return None


sys.meta_path.insert(0, Absent())
