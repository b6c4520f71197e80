"""What the matrix calls the site with: everybody who may come, each in the way that the route understands."""

import logging
from pathlib import Path

import pytest
from pytest_django import Settings as DjangoSettings

from leaderboard.models import Suite, User, WorkerToken
from tests.leaderboard.pages import made
from tests.leaderboard.permissions.objects import Site


@pytest.fixture(autouse=True)
def quick(settings: DjangoSettings, caplog: pytest.LogCaptureFixture) -> None:
    """The real hash takes half a second by design; every test client would read the whole static folder; and a line of
    the log for each of thousands of refusals would hide what a failure says."""
    caplog.set_level(logging.ERROR, "django.request")
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def site(make_submission: made.Make, suite: Suite, worker_token: WorkerToken, person: User, files: Path) -> Site:
    return Site.made(make_submission, suite, worker_token, person)
