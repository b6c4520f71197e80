"""What `bench-evidence` has beside the board's data set: proprietary models, prices, claims, and samples to read.

`python -m tests.benchmarks.board.evidence` after `board.dataset` prints one JSON object. Every submission has one chunk
of SAMPLES samples of one task; all chunks are one stored file, for what is measured reads one of them at a time.
"""

import gzip
import hashlib
import json

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection

from evaluator.contract import Sample, encode_sample
from leaderboard.actions.claims import seed_claims
from leaderboard.models import Claim, Model
from tests.benchmarks.board.dataset import item_hash, say

SAMPLES = 100
TASK = "bench_06"
ITEM = item_hash(TASK, 0)
PROPRIETARY = 10
"""Every so-manieth model."""
WORDS = "A train leaves the station at nine and travels at sixty miles an hour; when does it arrive? " * 12


def sample(number: int) -> Sample:
    """A few kilobytes, as five examples and an answer have."""
    return Sample(
        task=TASK, doc_id=number, item_hash=item_hash(TASK, number), target="ten",
        prompts=(f"{WORDS} Question {number}",), responses=("It arrives at ten. " * 20,), answers={"none": "ten"},
        scores={"none": {"acc": float(number % 2)}},
    )  # fmt: skip


def main() -> None:
    say("proprietary models, dates, claims")
    Model.objects.extra(where=[f"id %% {PROPRIETARY} = 0"]).update(
        kind="proprietary", input_price="2.5", output_price="10"
    )
    seed_claims()
    for number, task in enumerate(("bench_07", "bench_08", "bench_09")):
        terms = {"test": "not_behind", "first": {"kind": "open"}, "second": {"kind": "proprietary"}, "margin": 2.0,
                 "tasks": [{"suite": "bench@1", "task": task}]}  # fmt: skip
        Claim.objects.create(slug=f"bench-{number}", text=f"Nobody is behind on {task}.", who="the bench", terms=terms)
    body = gzip.compress(b"".join(encode_sample(sample(number)) + b"\n" for number in range(SAMPLES)))
    path = default_storage.save("samples/bench.jsonl.gz", ContentFile(body))
    say("chunks of samples")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO leaderboard_samplechunk (job_id, attempt, sequence, digest, path, size, samples, tasks, "
            "unextracted, created_at) SELECT id, 1, 0, %s, %s, %s, %s, jsonb_build_object(%s::text, %s::int), '{}', "
            "now() FROM leaderboard_job",
            [hashlib.sha256(body).hexdigest(), path, len(body), SAMPLES, TASK, SAMPLES],
        )
        cursor.execute("VACUUM ANALYZE leaderboard_samplechunk")
        cursor.execute("SELECT sum(samples) FROM leaderboard_samplechunk")
        [samples] = cursor.fetchone()
    print(json.dumps({"samples": samples, "task": TASK, "item": ITEM}))


if __name__ == "__main__":
    main()
