"""Migrations expand first and contract a release later: the release before runs on new tables."""

import pytest
from django.db.migrations.loader import MigrationLoader
from django_migration_linter import MigrationLinter

from leaderboard import migrations

GRANDFATHERED = "0029_turns"
"""The last one of before this rule."""
CONTRACTS: dict[str, str] = {}
"""Removals that are due: a migration -> the release whose code stopped using what it removes."""
APP = migrations.__name__.split(".")[0]


def named() -> list[str]:
    loader = MigrationLoader(None)
    return sorted(name for app, name in loader.disk_migrations if app == APP)


def found(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    """What the linter finds in one migration that would break the release before, with its reasons; "" for nothing."""
    linter = MigrationLinter(no_cache=True, include_apps=[APP], include_name=[name])
    linter.lint_all_migrations(app_label=APP, migration_name=name)
    said = capsys.readouterr().out
    assert linter.nb_total == 1
    return said if linter.has_errors else ""


@pytest.mark.django_db
@pytest.mark.parametrize("name", [name for name in named() if name > GRANDFATHERED and name not in CONTRACTS])
def test_the_release_before_runs_on_the_new_tables(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is dropped or renamed that it reads, and nothing is required that it does not write: CONTRIBUTING.md."""
    assert found(name, capsys) == ""


@pytest.mark.django_db
def test_the_linter_would_notice(capsys: pytest.CaptureFixture[str]) -> None:
    """On a migration of before the rule."""
    assert "NOT NULL" in found("0023_evidence_found", capsys)


@pytest.mark.django_db
def test_numbers_are_given_once() -> None:
    numbers = [name.partition("_")[0] for name in named()]
    assert len(numbers) == len(set(numbers))
