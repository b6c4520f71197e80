"""Odd requests of strangers, odd accounts, odd suite files."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from evaluator import suites
from leaderboard.actions.load_suites import load_suite
from leaderboard.models import Owner, Suite, User

TASK = "  - {task: arc_easy, title: Easy, metric: acc}\n"


@pytest.mark.django_db
@pytest.mark.parametrize("version", ["%0d%0aSet-Cookie:a=b", "%0a", "a%00b", "<script>", '"; x="'])
def test_the_schema_with_an_odd_version_is_no_server_error(version: str) -> None:
    reply = Client(raise_request_exception=False).get(f"/api/schema/?version={version}")
    assert reply.status_code < 500
    assert "\x00" not in reply.get("Content-Disposition", "")  # gunicorn answers such a header with a 500 of its own


@pytest.mark.django_db
def test_an_account_without_owner_whose_name_an_organisation_has_is_no_server_error(suite: Suite) -> None:
    Owner.objects.create(kind="organisation", name="acme")
    user = User.objects.create_superuser("acme", password="pw")
    client = Client(raise_request_exception=False)
    client.force_login(user)
    form = {"model": "org/model", "suite": suite.slug, "engine": "vllm", "dtype": "auto"}
    assert client.post(reverse("submit"), form).status_code < 500


@pytest.mark.django_db
def test_the_public_api_reads_no_more_than_it_needs(api_token: str) -> None:
    """DRF reads the stream itself, so Django's limit on bodies does not apply; a submission has a few hundred bytes."""
    client = Client(raise_request_exception=False, headers={"authorization": f"Bearer {api_token}"})
    body = b'{"model": "' + b"a" * 40 * 2**20 + b'"}'
    reply = client.post(reverse("api-submissions"), body, content_type="application/json")
    assert reply.status_code in {400, 413}
    assert "max_length" not in str(reply.content) and "200 characters" not in str(reply.content)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes",
    [
        "name: " + "n" * 61 + "\nversion: 1\ntitle: T\ntasks:\n" + TASK,
        "name: n\nversion: 99999999999\ntitle: T\ntasks:\n" + TASK,
        "name: n\nversion: 1\ntitle: " + "t" * 121 + "\ntasks:\n" + TASK,
        'name: n\nversion: 1\ntitle: "a\\0b"\ntasks:\n' + TASK,
        "name: n\nversion: 1\ntitle: T\ntasks:\n  - {task: a, title: T, metric: " + "m" * 61 + "}\n",
        "name: n\nversion: 1\ntitle: T\ntasks:\n  - {task: a, title: T, metric: acc, num_fewshot: 40000}\n",
        "name: n\nversion: 1\ntitle: T\ntasks:\n  - {task: a, title: T, metric: acc, limit: 99999999999}\n",
    ],
    ids=["long name", "version", "long title", "NUL in the title", "long metric", "num_fewshot", "limit"],
)
def test_a_suite_that_the_tables_cannot_hold_is_refused_in_words(tmp_path: Path, changes: str) -> None:
    path = tmp_path / "n@1.yaml"
    path.write_text(changes)
    with pytest.raises(CommandError):
        call_command("load_suites", str(path), stdout=StringIO())


@pytest.mark.django_db
@pytest.mark.parametrize("metric", ["word_perplexity", "perplexity", "bleu", "chrf", "ter", "bits_per_byte"])
def test_a_suite_with_a_metric_that_is_no_fraction_is_refused_when_it_is_released(tmp_path: Path, metric: str) -> None:
    """The site refuses such results (they are not in [0, 1]): after hours of evaluation, for every model."""
    path = tmp_path / "n@1.yaml"
    path.write_text(f"name: n\nversion: 1\ntitle: T\ntasks:\n  - {{task: wikitext, title: W, metric: {metric}}}\n")
    with pytest.raises(suites.SuiteError):
        load_suite(path=path)
