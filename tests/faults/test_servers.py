"""`make run` while its database and its broker are killed: they come back with their data, and say so."""

import pytest

from tests.faults.live import Live, until

pytestmark = pytest.mark.stack


@pytest.mark.parametrize("name", ["postgres", "valkey"])
def test_a_killed_server_is_started_again_and_said(live: Live, name: str) -> None:
    title = {"postgres": "PostgreSQL", "valkey": "Valkey"}[name]
    before, said = live.server(name), live.stack.said().count(f"{title} (status -9) ended")
    killed = live.kill(before)
    live.stack.wait_for(f"{title} (status -9) ended", seconds=15, times=said + 1)
    with live.stack.http() as http:

        def works() -> bool:
            made = live.submit(http, 0)
            return made.status_code in (201, 409)

        back = until(works, seconds=15, what=f"a submission after {name} was killed")
    assert live.server(name) != before
    print(f"\n{title} killed: submissions are taken again after {back - killed:.2f} s")
    until(lambda: live.rows("SELECT 1 FROM leaderboard_submission WHERE state NOT IN ('succeeded')") == [], seconds=45,
          what="everything succeeded")  # fmt: skip
    live.all_rules_hold()
