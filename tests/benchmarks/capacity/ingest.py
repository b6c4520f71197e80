"""How many samples a second the site takes in: `python -m tests.benchmarks.capacity.ingest URL SECONDS < told.json`.

Two workers with a job each send chunks as a worker does, one after the other, on the cores that the site has too. Each
chunk is unpacked, read and counted by the site, and on the disk before it is acknowledged. Prints one JSON object.
"""

import gzip
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from evaluator.client import Site
from evaluator.contract import EDITION, ClaimRequest, JobSpec, encode_sample
from tests.benchmarks.board.evidence import sample

WORKERS, A_CHUNK, BODIES = 2, 500, 12
PATIENCE = 60.0
"""Seconds that a submission may take to be there to claim."""


@dataclass(frozen=True)
class Body:
    packed: bytes
    size: int
    """Bytes, unpacked."""


def bodies() -> list[Body]:
    """Chunks of samples with a few kilobytes each, packed beforehand: what is measured is the site."""
    found = []
    for number in range(BODIES):
        lines = b"".join(
            encode_sample(sample(place)) + b"\n" for place in range(number * A_CHUNK, (number + 1) * A_CHUNK)
        )
        found.append(Body(gzip.compress(lines, mtime=0), len(lines)))
    return found


def claimed(site: Site, number: int) -> JobSpec:
    request = ClaimRequest(worker=f"ingest{number}", queues=("cpu",), engines=("vllm",), edition=EDITION)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        job = site.claim(request)
        if job is not None:
            return job
        time.sleep(0.5)
    sys.exit("Nothing waits to be claimed: was anything submitted before?")


def send(url: str, token: str, number: int, ready: list[Body], seconds: float) -> tuple[int, int, float]:
    """Chunks, their bytes unpacked, and the seconds that they took."""
    site, chunks, size = Site.connect(url, token), 0, 0
    with site.http:
        job = claimed(site, number)
        began = time.monotonic()
        while time.monotonic() < began + seconds:
            body = ready[chunks % len(ready)]
            site.post_chunk(job, chunks, body.packed)
            chunks, size = chunks + 1, size + body.size
        return chunks, size, time.monotonic() - began


def ingested(url: str, seconds: float, told: dict[str, Any]) -> dict[str, Any]:
    ready = bodies()
    with ThreadPoolExecutor(WORKERS) as pool:
        done = list(pool.map(lambda number: send(url, told["worker"], number, ready, seconds), range(WORKERS)))
    rate = sum(chunks * A_CHUNK / took for chunks, _, took in done)
    size = sum(unpacked for _, unpacked, _ in done) / sum(chunks * A_CHUNK for chunks, _, _ in done)
    return {"samples_per_s": round(rate), "sample_bytes": round(size), "chunks": sum(chunks for chunks, _, _ in done)}


if __name__ == "__main__":
    print(json.dumps(ingested(sys.argv[1], float(sys.argv[2]), json.load(sys.stdin))))
