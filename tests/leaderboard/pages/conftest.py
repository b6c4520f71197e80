"""A site with a board, and people who read it."""

import pytest
from django.test import Client
from pytest_django import Settings as DjangoSettings

from leaderboard.actions.accounts import create_person
from leaderboard.models import Submission, Suite, User
from tests.leaderboard.pages import made


@pytest.fixture(autouse=True)
def quick(settings: DjangoSettings) -> None:
    """The real hash takes half a second by design; and every test client would read the whole static folder."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def board(make_submission: made.Make, suite: Suite) -> dict[str, Submission]:
    return made.ranked(make_submission, suite)


@pytest.fixture
def member(person: User) -> Client:
    """Ada, logged in."""
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def stranger(db: None) -> Client:
    """Somebody else, logged in."""
    client = Client()
    client.force_login(create_person(username="grace", password=None))
    return client
