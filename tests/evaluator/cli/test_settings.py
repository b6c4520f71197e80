"""Which site the command line talks to."""

from pathlib import Path

import pytest

from evaluator.cli.site_settings import DEFAULT_URL, SiteSettings, site_settings
from evaluator.config import ConfigError


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("PARITY_URL", "PARITY_TOKEN", "PARITY_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "parity.toml"


def test_without_anything_it_is_the_demo_on_this_machine() -> None:
    assert site_settings() == SiteSettings(DEFAULT_URL, "")


def test_the_environment_wins_over_the_file(alone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone.write_text('url = "https://file.example/"\ntoken = "parity_file"\n')
    assert site_settings() == SiteSettings("https://file.example", "parity_file")
    monkeypatch.setenv("PARITY_TOKEN", "parity_env")
    assert site_settings() == SiteSettings("https://file.example", "parity_env")


@pytest.mark.parametrize("text", ["url = ", 'colour = "red"', "token = 3", "\xff"])
def test_a_file_that_makes_no_sense_is_told(alone: Path, text: str) -> None:
    alone.write_bytes(text.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"parity\.toml"):
        site_settings()


def test_a_wrong_address_and_a_file_that_is_not_there_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARITY_URL", "parity.example.org")
    with pytest.raises(ConfigError, match="PARITY_URL"):
        site_settings()
    monkeypatch.setenv("PARITY_CONFIG", "/nowhere/parity.toml")
    with pytest.raises(ConfigError, match="/nowhere"):
        site_settings()
