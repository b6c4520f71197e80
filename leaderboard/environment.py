"""What the process was told by its environment, read once, before Django; every other module asks here.

`PARITY_MODE=demo` (set by `make run`) makes its own secrets under the state folder. Anything else is production, which
refuses to start on a missing one.
"""

import os
import re
import secrets
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from leaderboard.embedded import services

ROOT = Path(__file__).resolve().parents[1]

servers: services.Services | None = None
"""The embedded servers that `prepare` started or joined; None where URLs name others."""


class ConfigurationError(Exception):
    """A variable is missing or wrong; the message names it and gives an example."""


def demo() -> bool:
    """Whether this is the demonstration that `make run` starts."""
    return os.environ.get("PARITY_MODE") == "demo"


def state() -> Path:
    """The folder for all local state (mode 0700)."""
    folder = Path(os.environ.get("PARITY_STATE") or ROOT / ".parity")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def secret(variable: str) -> str:
    """A secret from the environment; in the demo, one made on first use and kept in the state folder (mode 0600)."""
    value = os.environ.get(variable, "")
    if value:
        return value
    if not demo():
        raise ConfigurationError(
            f"{variable} is not set. Production needs it: set it to a long random text, such as the output of "
            "`python -c 'import secrets; print(secrets.token_urlsafe(48))'`. "
            "(PARITY_MODE=demo, as `make run` sets it, makes its own.)"
        )
    return kept_secret(state() / "secrets" / variable.lower())


def kept_secret(path: Path) -> str:
    """The secret in `path`, made on first use. Two processes racing agree: the file appears whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(48))
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass  # another process was first; its secret is the one
        finally:
            fresh.unlink()
    return path.read_text()


def with_demo_mirror(mirrors: str) -> str:
    """The operator's mirrors, and last the demo's own, which holds the model it evaluates."""
    mirror = state() / "mirror"
    mirror.mkdir(exist_ok=True)
    return os.pathsep.join(filter(None, [*mirrors.split(os.pathsep), str(mirror)]))


def plain_redis(url: str) -> str:
    """A broker's URL as redis-py reads it: kombu has a scheme of its own for sockets."""
    rest = url.removeprefix("redis+socket://")
    return url if rest == url else "unix://" + rest.replace("virtual_host=", "db=")


def rates(text: str, defaults: dict[str, int]) -> dict[str, int]:
    """Requests a minute by name, such as "api=600,search=0" over the defaults; 0 lets everything through."""
    found = dict(defaults)
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = part.partition("=")
        if name not in defaults or not (number.isascii() and number.isdigit()):
            raise ConfigurationError(
                f"PARITY_RATES has {part!r}, which does not work. It is a list such as api=600,search=0; there are "
                f"{', '.join(defaults)}, in requests a minute."
            )
        found[name] = int(number)
    return found


def providers(given: Mapping[str, str]) -> dict[str, Any]:
    """Who vouches for people besides passwords, for allauth: PARITY_GITHUB and PARITY_HUGGINGFACE, each "id:secret"."""

    def app(variable: str, **more: Any) -> list[dict[str, Any]]:
        if not given.get(variable):
            return []
        client, _, key = given[variable].partition(":")
        if not (client and key):
            raise ConfigurationError(
                f"{variable} is not set as id:secret, as the provider shows them for an OAuth app."
            )
        return [{"client_id": client, "secret": key, **more}]

    hub = {"server_url": "https://huggingface.co", "oauth_pkce_enabled": True}
    found = app("PARITY_HUGGINGFACE", provider_id="huggingface", name="Hugging Face", settings=hub)
    return {
        "github": {"APPS": app("PARITY_GITHUB"), "SCOPE": ["user:email"], "OAUTH_PKCE_ENABLED": True},
        "openid_connect": {"APPS": found, "SCOPE": ["openid", "profile", "email"]},
    }


BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/\w[\w.-]*)*)/?")
"""s3://bucket or s3://bucket/a/prefix."""


def file_storage(given: Mapping[str, str]) -> dict[str, Any]:
    """Where files of samples are, for Django's STORAGES: a folder here, or the bucket that PARITY_FILES names."""
    place, endpoint = given.get("PARITY_FILES", ""), given.get("PARITY_FILES_ENDPOINT", "")
    if not place:
        if endpoint:
            raise ConfigurationError("PARITY_FILES_ENDPOINT is set without PARITY_FILES, such as s3://bucket/prefix.")
        return {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    bucket = BUCKET.fullmatch(place)
    if bucket is None:
        raise ConfigurationError(
            f"PARITY_FILES is {place!r}: it names a bucket, such as s3://bucket or s3://bucket/prefix."
        )
    if endpoint and not re.fullmatch(r"https?://[^/\s?#@]+/?", endpoint):
        raise ConfigurationError(
            f"PARITY_FILES_ENDPOINT is {endpoint!r}: it is a service's address, such as https://s3.example.org"
        )
    key, secret_key = given.get("AWS_ACCESS_KEY_ID", ""), given.get("AWS_SECRET_ACCESS_KEY", "")
    if bool(key) != bool(secret_key):
        raise ConfigurationError(
            "Of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY one is set: set both, or none where the machine has a role."
        )
    return {
        "BACKEND": "leaderboard.object_storage.Bucket",
        "OPTIONS": {
            "bucket_name": bucket[1],
            "location": bucket[2].strip("/"),
            "endpoint_url": endpoint or None,
            "region_name": given.get("PARITY_FILES_REGION") or "us-east-1",
            "access_key": key or None,
            "secret_key": secret_key or None,
        },
    }


def prepare() -> AbstractContextManager[object]:
    """Complete the environment for Django; the result keeps embedded servers alive while it is open."""
    global servers
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "leaderboard.settings")
    if demo():
        os.environ.setdefault("PARITY_URL", f"http://127.0.0.1:{os.environ.get('PORT') or 8000}")
        os.environ["PARITY_HUB_MIRROR"] = with_demo_mirror(os.environ.get("PARITY_HUB_MIRROR", ""))
    postgres, valkey = not os.environ.get("DATABASE_URL"), not os.environ.get("REDIS_URL")
    if not (postgres or valkey):
        return nullcontext()
    servers = services.ensure(state(), postgres=postgres, valkey=valkey)
    if postgres:
        os.environ["DATABASE_URL"] = servers.database_url
    if valkey:
        os.environ["REDIS_URL"] = servers.redis_url
    return servers
