"""`python -m leaderboard.demo.clock FILE`: the scheduler, as `celery -A leaderboard.scheduler beat` starts it.

FILE is where it keeps what rang last. Without Celery's command line: see leaderboard.demo.site_worker.
"""

import sys

from leaderboard.demo import left_out  # noqa: F401  # for what it does as it is imported

# isort: split
from leaderboard.scheduler import app

if __name__ == "__main__":
    app.Beat(schedule=sys.argv[1], loglevel="INFO").run()
