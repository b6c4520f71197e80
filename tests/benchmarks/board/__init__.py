"""What `tests.benchmarks.web` runs in processes of its own, with Django ready: the environment names the database.

dataset.py   the real table varied to as many models as asked for
rankings.py  how long a ranking takes to build, and a new result to be ranked
api.py       how fast the public API answers, and the whole table as Parquet
asked.py     how many queries a page asks, and how long the database works on them
bakeoff.py   how long the report of a bake-off takes
users.py     who reads and submits in `make bench-load`
site.py      the site as production serves it, with two constants beside it
"""

import django

django.setup()
