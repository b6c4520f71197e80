"""Cables that are taken out and put in again, round by round, and how long everything takes to recover."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos.database import Database
from tests.hosts.links import Machines

PATIENCE = 90.0
"""Seconds that a host may take to be heard of again after its cable is back."""

AT_WORK = 8.0
"""Seconds that a round waits for its hosts to hold a job."""

HELD = """
    SELECT job.id FROM leaderboard_job job JOIN leaderboard_worker worker ON worker.id = job.worker_id
    WHERE job.state = 'running' AND worker.name = ANY(%s)
"""
HEARD = "SELECT extract(epoch FROM last_seen_at - %s)::float8 FROM leaderboard_worker WHERE name = %s"
TAKEN_OVER = """
    SELECT extract(epoch FROM min(at) - %s)::float8 FROM leaderboard_event
    WHERE job_id = %s AND after = 'running' AND at > %s
"""


@dataclass(frozen=True)
class Round:
    """Which hosts are cut off together, and for how many seconds."""

    hosts: tuple[str, ...]
    seconds: float


@dataclass
class Partition:
    """What a round did. `down`: a moment of the database's clock. `held`: jobs that ran on these hosts then.
    `recovered`: by host, seconds from its cable's return until the site had done a call of it."""

    round: Round
    down: Any
    seconds: float
    held: list[int]
    recovered: dict[str, float]


class Partitions(threading.Thread):
    """Does all rounds, each after the last one has healed and `rest` seconds more."""

    def __init__(self, machines: Machines, database: Database, rounds: Sequence[Round], rest: float) -> None:
        super().__init__(name="partitions")
        self.machines, self.database, self.rounds, self.rest = machines, database, rounds, rest
        self.done: list[Partition] = []
        self.broken: list[str] = []
        """What went wrong: a host that never came back, or an exception of the drill itself."""

    def run(self) -> None:
        try:
            for one in self.rounds:
                time.sleep(self.rest)
                self.done.append(self._partition(one))
        except Exception as error:
            self.broken.append(f"{type(error).__name__}: {error}")
            raise

    def _partition(self, one: Round) -> Partition:
        self._until_at_work(one.hosts)
        down, began = self.database.one("SELECT clock_timestamp()"), time.monotonic()
        for host in one.hosts:
            self.machines.cut(host)
        held = [job for (job,) in self.database.rows(HELD, list(one.hosts))]
        time.sleep(one.seconds)
        up, seconds = self.database.one("SELECT clock_timestamp()"), time.monotonic() - began
        for host in one.hosts:
            self.machines.heal(host)
        recovered = {host: self._recovered(host, up) for host in one.hosts}
        print(
            f"  {', '.join(one.hosts)} cut off for {seconds:.1f} s with {len(held)} jobs; heard of again after "
            f"{', '.join(f'{took:.1f} s' for took in recovered.values())}",
            flush=True,
        )
        return Partition(one, down, seconds, held, recovered)

    def _until_at_work(self, hosts: Sequence[str]) -> None:
        """Wait a while for the hosts to hold jobs: who does nothing loses nothing. Late in a run there may be none."""
        deadline = time.monotonic() + AT_WORK
        while not self.database.rows(HELD, list(hosts)) and time.monotonic() < deadline:
            time.sleep(0.05)

    def _recovered(self, host: str, up: Any) -> float:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            took = self.database.one(HEARD, up, host)
            if took is not None and took > 0:
                return float(took)
            time.sleep(0.05)
        self.broken.append(f"{host} was not heard of within {PATIENCE:g} s")
        return PATIENCE

    def taken_over(self) -> list[float]:
        """Seconds from a partition's begin until somebody claimed a job again that ran on the other side."""
        return [
            float(took)
            for partition in self.done
            for job in partition.held
            if (took := self.database.one(TAKEN_OVER, partition.down, job, partition.down)) is not None
        ]
