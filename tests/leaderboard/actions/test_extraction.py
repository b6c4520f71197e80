"""Answers that could not be read are counted apart from wrong ones."""

from collections.abc import Callable

import pytest
from django.test import Client

from leaderboard.actions.score import score
from leaderboard.models import Submission, WorkerToken
from tests import samples
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
Make = Callable[..., Submission]


def test_what_could_not_be_read_is_counted_and_shown(
    make_submission: Make, worker_token: WorkerToken, files: object, client: Client
) -> None:
    row = make_submission()
    results = [samples.measured("alpha", [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]), samples.BETA]
    found = samples.agreeing(results)
    for number, extracted in enumerate([1.0, 1.0, 0.0, 0.0, 1.0, 0.0]):
        one = found[number]
        found[number] = samples.sample(
            "alpha", number, item_hash=one.item_hash,
            scores={"none": {"acc": one.scores["none"]["acc"], "extracted": extracted}},
        )  # fmt: skip
    samples.finish(made.claim(worker_token), results, found, each=4)
    score(submission=row.pk)
    row.refresh_from_db()
    assert row.state == "succeeded", row.error_message
    assert dict(row.results.values_list("task__task", "unextracted")) == {"alpha": 3, "beta": None}
    page = client.get(f"/submissions/{row.pk}").content.decode()
    assert "<b>3</b> without a readable answer" in page
    said = client.get(f"/api/v1/submissions/{row.pk}/").json()["results"]
    assert [one["unextracted"] for one in said] == [3, None]
