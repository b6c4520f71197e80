"""Which site the command line talks to: the environment first, then a file.

~/.config/parity.toml (or PARITY_CONFIG):

url = "https://parity.example.org"
token = "parity_..."
"""

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from evaluator.config import ConfigError

DEFAULT_URL = "http://127.0.0.1:8000"
KNOWN = ("url", "token")


@dataclass(frozen=True)
class SiteSettings:
    """`token` may be "": reading needs none."""

    url: str
    token: str


def path_of_file() -> Path:
    given = os.environ.get("PARITY_CONFIG")
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    return Path(given) if given else home / "parity.toml"


def site_settings() -> SiteSettings:
    """Read both; raises ConfigError with what to change."""
    told = from_file(path_of_file())
    url = os.environ.get("PARITY_URL") or told.get("url") or DEFAULT_URL
    if not url.startswith(("http://", "https://")):
        raise ConfigError(f"PARITY_URL={url!r} is no address. Example: https://parity.example.org")
    return SiteSettings(url.rstrip("/"), os.environ.get("PARITY_TOKEN") or told.get("token", ""))


def from_file(path: Path) -> dict[str, str]:
    """What the file says; {} where there is none, unless PARITY_CONFIG names it."""
    if not path.is_file():
        if os.environ.get("PARITY_CONFIG"):
            raise ConfigError(f"PARITY_CONFIG names {path}, which is not there.")
        return {}
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    for name, value in told.items():
        if name not in KNOWN or not isinstance(value, str):
            raise ConfigError(f"{path}: {name} does not work. It has {' and '.join(KNOWN)}, both texts.")
    return told
