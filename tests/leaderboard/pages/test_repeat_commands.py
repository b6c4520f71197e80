"""The commands that a submission's page gives: they repeat an evaluation, and compare it with ours."""

import argparse
import subprocess

import pytest
from django.test import Client

from evaluator.cli import run
from evaluator.contract import Settings
from leaderboard.models import Submission, WorkerToken
from leaderboard.queries.repeat import repeat_command
from tests.leaderboard.pages import made
from tests.leaderboard.pages.html import Element, tree

pytestmark = pytest.mark.django_db


def page(client: Client, row: Submission) -> Element:
    return tree(client.get(f"/submissions/{row.pk}"))


def test_the_command_that_repeats_it_is_exact(client: Client, make_submission: made.Make) -> None:
    row = make_submission(settings=Settings(dtype="float32", apply_chat_template=True, max_length=2048))
    command = page(client, row).one("code", id="command").raw
    assert command == (
        f".venv/bin/python -m evaluator run \\\n  --model org/model \\\n  --revision {'a' * 40} \\\n"
        "  --suite tiny@1 \\\n  --engine vllm --dtype float32 \\\n  --apply-chat-template \\\n  --max-length 2048 \\\n"
        f"  --out submission-{row.pk}"
    )


def test_the_command_that_compares_names_the_report(
    client: Client, make_submission: made.Make, worker_token: WorkerToken
) -> None:
    row = made.in_state("succeeded", make_submission, worker_token)
    command = page(client, row).one("code", id="verification").raw
    assert (
        command == f".venv/bin/python -m evaluator verify http://127.0.0.1:8000/api/v1/submissions/{row.pk}/report.json"
    )
    assert not page(client, made.in_state("running", make_submission, worker_token)).all(id="verification")


def words_of(command: str) -> list[str]:
    """What a shell makes of it."""
    script = f'words() {{ printf "%s\\0" "$@"; }}; words {command}'
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True, text=True)
    return done.stdout.split("\0")[:-1]


@pytest.mark.parametrize(
    "chosen",
    [
        Settings(),
        Settings(engine="transformers", dtype="float16", apply_chat_template=True, max_length=64),
        Settings(thinking=True, thinking_tokens=9),
        Settings(thinking=False, think_end="--it's over"),
    ],
)
def test_the_worker_understands_the_command(make_submission: made.Make, chosen: Settings) -> None:
    row = make_submission('it\'s/"a" $(model)', settings=chosen)
    words = words_of(repeat_command(row))
    assert words[:4] == [".venv/bin/python", "-m", "evaluator", "run"]
    parser = argparse.ArgumentParser()
    run.describe(parser)
    options = parser.parse_args(words[4:])
    assert run.settings_of(options) == chosen
    assert (options.model, options.revision, options.suite) == (row.requested_model, "a" * 40, "tiny@1")


def test_before_a_revision_is_pinned_there_is_nothing_to_repeat(
    client: Client, make_submission: made.Make, worker_token: WorkerToken
) -> None:
    assert not page(client, made.in_state("validating", make_submission, worker_token)).all(id="command")
