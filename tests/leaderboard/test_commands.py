"""Management commands, as an operator calls them."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings as DjangoSettings

from leaderboard.models import Audit, Suite, User, WorkerToken
from tests.stack import manage

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


def said(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_bootstrap_may_run_again_and_lets_the_worker_in(settings: DjangoSettings) -> None:
    for _ in range(2):
        assert "registered as trusted" in said("bootstrap")
    assert set(Suite.objects.values_list("slug", flat=True)) == {
        *("starter@1", "open-llm@1", "code@1", "parity-core@1", "frontier@1", "long-context@1", "vision@1"),
    }
    claim = {"worker": "w", "queues": ["cpu"], "engines": ["vllm"]}
    headers = {"authorization": f"Bearer {settings.WORKER_TOKEN}"}
    reply = Client().post("/api/worker/v1/claims/", claim, content_type="application/json", headers=headers)
    assert reply.status_code == 204
    assert WorkerToken.objects.get().trusted


def test_a_created_token_submits(client: Client) -> None:
    call_command("load_suites", stdout=StringIO())
    token = said("create_token", "grace").strip()
    body = {"suite": "starter@1", "model": "org/model"}
    headers = {"authorization": f"Bearer {token}"}
    reply = client.post("/api/v1/submissions/", body, content_type="application/json", headers=headers)
    assert (reply.status_code, reply.json()["owner"]) == (201, "grace")
    assert not User.objects.get().has_usable_password()


def test_a_broken_suite_file_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("name: Bad Name\n")
    with pytest.raises(CommandError) as refusal:
        call_command("load_suites", str(path))
    assert "bad.yaml" in str(refusal.value)
    assert refusal.value.returncode == 2


@pytest.mark.parametrize("missing", ["PARITY_SECRET_KEY", "PARITY_URL", "PARITY_WORKER_TOKEN"])
def test_production_refuses_to_start_without_its_secrets(tmp_path: Path, missing: str) -> None:
    given = {
        "PARITY_MODE": "",
        "PARITY_SECRET_KEY": "s" * 50,
        "PARITY_URL": "https://parity.example.org",
        "PARITY_WORKER_TOKEN": "w" * 50,
        "DATABASE_URL": "postgresql://u:p@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    refused = manage(tmp_path, "check", **{**given, missing: ""})
    assert refused.returncode == 2
    assert missing in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("EMAIL_URL", "carrier-pigeon://user:hidden@x"),
        ("EMAIL_URL", "smtp://user:hidden@x:y"),
        ("PARITY_ENDPOINT_ALLOW", "10.0.0.1/8"),
        ("PARITY_LOG", "xml"),
        ("PARITY_LEASE_SECONDS", "soon"),
        ("PARITY_URL", "parity.example.org"),
        ("DATABASE_URL", "mysql://user:hidden@x/y"),
        ("REDIS_URL", "carrier-pigeon://:hidden@x"),
    ],
)
def test_a_setting_that_cannot_be_read_is_refused_in_words(tmp_path: Path, variable: str, value: str) -> None:
    given = {"DATABASE_URL": "postgresql://x/x", "REDIS_URL": "redis://x/0"}
    refused = manage(tmp_path, "check", **{**given, variable: value})
    assert refused.returncode == 2
    assert refused.stderr.startswith(variable) or f" {variable}" in refused.stderr
    assert "Traceback" not in refused.stderr and "hidden" not in refused.stderr


def test_bootstrap_waits_for_its_database_and_says_so(tmp_path: Path) -> None:
    given = {"DATABASE_URL": "postgresql://u:hidden@127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1/0"}
    done = manage(tmp_path, "bootstrap", "--wait", "0.3", **given)
    assert done.returncode == 2
    assert done.stdout.count("Waiting for the database: ") == 1
    assert "did not answer for 0.3 s" in done.stderr and "Is DATABASE_URL right" in done.stderr
    assert "hidden" not in done.stdout + done.stderr and "Traceback" not in done.stderr


def test_production_passes_djangos_deployment_check(tmp_path: Path) -> None:
    given = {
        "PARITY_MODE": "",
        "PARITY_SECRET_KEY": "kq3J0pX9vLw7ZtR2bNs8YdGf4HmC6AeU1oTiQxWzVyKjBcMn5S",
        "PARITY_URL": "https://parity.example.org",
        "PARITY_WORKER_TOKEN": "w" * 50,
        "DATABASE_URL": "postgresql://u:p@127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    checked = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **given)
    assert checked.returncode == 0, checked.stderr
    settings = dict(line.split(" = ", 1) for line in manage(tmp_path, "diffsettings", **given).stdout.splitlines())
    names = [settings[f"{kind}_COOKIE_NAME"].split()[0] for kind in ("SESSION", "CSRF")]
    assert names == ["'__Host-sessionid'", "'__Host-csrftoken'"]
    for kind in ("SESSION", "CSRF"):  # what the prefix asks of a cookie; path and domain stay Django's / and none
        assert settings[f"{kind}_COOKIE_SECURE"].startswith("True")
        assert f"{kind}_COOKIE_PATH" not in settings and f"{kind}_COOKIE_DOMAIN" not in settings
    assert settings["SECURE_HSTS_SECONDS"].startswith("31536000") and settings["SECURE_SSL_REDIRECT"].startswith("True")


def test_caps_are_shown_and_changed(person: User) -> None:
    assert "day: 0 of 1000 used" in said("set_caps", "ada")
    changed = said("set_caps", "ada", "--day", "7", "--live", "0", "--actor", "op", "--reason", "asked")
    assert changed.splitlines() == ["day: 0 of 7 used", "month: 0 of 10000 used", "live: 0 of 0 used"]
    assert "day: 0 of 1000 used" in said("set_caps", "ada", "--day", "site", "--actor", "op", "--reason", "done")
    assert Audit.objects.count() == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nobody"], "There is no owner 'nobody'"),
        (["ada", "--day", "7"], "a reason"),
        (["ada", "--day=-7"], "neither a whole number"),
        (["ada", "--day", "99999999999", "--actor", "op", "--reason", "r"], "from 0 to 2,147,483,647"),
    ],
)
def test_senseless_caps_are_refused_in_words(person: User, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        said("set_caps", *arguments)
    assert not Audit.objects.exists()
