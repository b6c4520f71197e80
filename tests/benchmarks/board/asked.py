"""How many queries pages ask once their ranking is at hand, and how long the database works on them. Each page is made
as if its process remembered nothing of the last second.

`python -m tests.benchmarks.board.asked PATHS...` prints one JSON object: the most of each over all paths.
"""

import json
import sys
import time
from typing import Any

from django.conf import settings
from django.db import connection
from django.test import Client

from leaderboard.pages import conditional

TIMES = 9


class Counted:
    """Counts queries and the seconds until each is answered, as this process sees it."""

    def __init__(self) -> None:
        self.queries, self.seconds = 0, 0.0

    def __call__(self, execute: Any, *arguments: Any) -> Any:
        started = time.perf_counter()
        try:
            return execute(*arguments)
        finally:
            self.queries += 1
            self.seconds += time.perf_counter() - started


def main() -> None:
    settings.BOARD_STATE_SECONDS = 0.0  # else most pages ask nothing: what they want to know was asked a moment ago
    client = Client(HTTP_HOST="127.0.0.1")
    queries, worst = 0, 0.0
    for path in sys.argv[1:]:
        client.get(path)  # fetches the ranking
        times = []
        for _ in range(TIMES):
            conditional.PAGES.clear()  # so that the page is made
            counted = Counted()
            with connection.execute_wrapper(counted):
                assert client.get(path).status_code == 200, path
            queries = max(queries, counted.queries)
            times.append(counted.seconds)
        worst = max(worst, sorted(times)[TIMES // 2])
    print(json.dumps({"queries_per_page": queries, "database_ms": round(1000 * worst, 2)}))


if __name__ == "__main__":
    main()
