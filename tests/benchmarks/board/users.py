"""`python -m tests.benchmarks.board.users STATE`: people, a worker's right and models to submit.

For a site that has the board's data set. Prints one JSON object: what the users and the ingest need to know.
"""

import json
import sys
from pathlib import Path

from django.conf import settings

from leaderboard.actions.accounts import create_api_token, create_person, register_worker_token
from leaderboard.models import Model, Submission
from tests.benchmarks.board.evidence import TASK
from tests.faults.checkpoints import make_model

PEOPLE, SUBMITTED, KNOWN = 10, 400, 500


def main() -> None:
    mirror = Path(sys.argv[1]) / "mirror"
    models = [f"load/m{number:03}" for number in range(SUBMITTED)]
    for number, name in enumerate(models):
        make_model(mirror, name, number + 2)
    people = [create_person(username=f"reader{number}", password=None) for number in range(PEOPLE)]
    tokens = [create_api_token(owner=person.owner, user=person, name="load") for person in people]
    register_worker_token(name="load", token=settings.WORKER_TOKEN, trusted=True)
    every = Submission.objects.filter(state="succeeded", suite__slug="bench@1").order_by("pk")
    step = max(1, every.count() // KNOWN)
    known = list(every.values_list("pk", "requested_model")[::step])
    print(json.dumps({
        "tokens": tokens, "worker": settings.WORKER_TOKEN, "task": TASK, "to_submit": models,
        "pages": max(1, every.count() // 100),
        "submissions": [key for key, _ in known],
        "models": list(Model.objects.filter(name__in=[name for _, name in known]).values_list("name", flat=True)),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
