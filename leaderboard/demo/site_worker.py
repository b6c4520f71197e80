"""`python -m leaderboard.demo.site_worker`: the site's worker, as `celery -A leaderboard.celery worker` starts it.

Without Celery's command line: its shell, with completion and colours, is 9 MB in each program of Celery's.
"""

import logging

from leaderboard.demo import left_out  # noqa: F401  # for what it does as it is imported

# isort: split
from celery.utils.nodenames import host_format

from leaderboard.celery import app

if __name__ == "__main__":
    app.Worker(
        queues=["site", "notices"],
        pool_cls="threads",
        concurrency=4,
        hostname=host_format("site@%h"),
        loglevel=logging.INFO,
        without_gossip=True,
        without_mingle=True,
    ).start()
