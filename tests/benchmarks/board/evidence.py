"""What `bench-evidence` has beside the board's data set: proprietary models, prices, claims, and samples to read.

`python -m tests.benchmarks.board.evidence` after `board.dataset` prints one JSON object. Every submission has one chunk
of SAMPLES samples of one task; all chunks are one stored file, for what is measured reads one of them at a time. The
first submission has LONG samples more, as many as MMLU. `... evidence answers`, once rankings are built (they would
test neighbours in pairs), gives every model's scores on that task's items.
"""

import gzip
import hashlib
import json
import sys
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection

from evaluator.contract import Sample, encode_sample
from leaderboard.actions.claims import seed_claims
from leaderboard.models import Claim, Job, Model, SampleChunk
from tests.benchmarks.board.dataset import ITEMS, item_hash, say, set_of

SAMPLES = 100
TASK = "bench_06"
ITEM = item_hash(TASK, 0)
LONG, A_CHUNK = 14_000, 500
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
    if sys.argv[1:] == ["answers"]:
        answers()
    else:
        print(json.dumps(furnish()))


def furnish() -> dict[str, Any]:
    """Everything that comes before rankings; returns what is there to ask for."""
    say("proprietary models, dates, claims")
    Model.objects.extra(where=[f"id %% {PROPRIETARY} = 0"]).update(
        kind="proprietary", input_price="2.5", output_price="10"
    )
    seed_claims()
    for number, task in enumerate(("bench_07", "bench_08", "bench_09")):
        terms = {"test": "not_behind", "first": {"kind": "open"}, "second": {"kind": "proprietary"}, "margin": 2.0,
                 "tasks": [{"suite": "bench@1", "task": task}]}  # fmt: skip
        Claim.objects.create(slug=f"bench-{number}", text=f"Nobody is behind on {task}.", who="the bench", terms=terms)
    say("chunks of samples")
    digest, path, size = stored(range(SAMPLES))
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO leaderboard_samplechunk (job_id, attempt, sequence, digest, path, size, samples, tasks, "
            "unextracted, created_at) SELECT id, 1, 0, %s, %s, %s, %s, jsonb_build_object(%s::text, %s::int), '{}', "
            "now() FROM leaderboard_job",
            [digest, path, size, SAMPLES, TASK, SAMPLES],
        )
        long = Job.objects.earliest("pk")
        for sequence, start in enumerate(range(0, LONG, A_CHUNK), start=1):
            digest, path, size = stored(range(start, start + A_CHUNK))
            SampleChunk.objects.create(job=long, attempt=1, sequence=sequence, digest=digest, path=path, size=size,
                                       samples=A_CHUNK, tasks={TASK: A_CHUNK})  # fmt: skip
        cursor.execute("VACUUM ANALYZE leaderboard_samplechunk")
        cursor.execute("SELECT sum(samples) FROM leaderboard_samplechunk")
        [samples] = cursor.fetchone()
    return {"samples": samples, "task": TASK, "item": ITEM, "long": long.submission_id}


def stored(numbers: range) -> tuple[str, str, int]:
    """Samples with these numbers as a stored file: its digest, path and size."""
    body = gzip.compress(b"".join(encode_sample(sample(number)) + b"\n" for number in numbers))
    path = default_storage.save(f"samples/bench-{numbers.start}.jsonl.gz", ContentFile(body))
    return hashlib.sha256(body).hexdigest(), path, len(body)


def answers() -> None:
    """Every model's scores on the items of TASK, the easiest solved first, as `dataset.solved` has them."""
    say(f"every model's answers to {TASK}")
    solved = f"LEAST({ITEMS}, GREATEST(0, round(score * {ITEMS})))::int"
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "UPDATE leaderboard_result SET items_id = %s, item_scores = decode("
            f"repeat('0000803f', {solved}) || repeat('00000000', {ITEMS} - {solved}), 'hex') "
            "WHERE score IS NOT NULL AND task_id = (SELECT id FROM leaderboard_suitetask WHERE task = %s)",
            [set_of(TASK), TASK],
        )
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM ANALYZE leaderboard_result")


if __name__ == "__main__":
    main()
