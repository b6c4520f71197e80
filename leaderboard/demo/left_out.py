"""What the programs of the demonstration do without, though it is installed here: to be imported before anything else.

Libraries of the site load these where they find them, for nothing that it does: PyArrow pandas (to ask whether a list
is one of its tables), requests chardet (to guess an answer's letters): 40 and 11 MB in each process. They come with
lm-eval; the site's image has neither. gunicorn reads this module as its configuration, and finds none in it.
"""

import sys

for _name in ("pandas", "chardet"):
    sys.modules.setdefault(_name, None)  # type: ignore[arg-type]  # Python's own way to say that there is none
