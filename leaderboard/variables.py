"""The site's variables, each read as what it has to be; one that is wrong is named, with the reason and an example."""

import math
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from leaderboard.environment import ConfigurationError

SWITCH = {"1", "true", "yes", "on", "y", "t", "ok", "0", "false", "no", "off", "n", "f"}
KINDS = {int: "a whole number, 0 or more", float: "a number, 0 or more", bool: "true or false"}


class Variables(environ.Env):  # type: ignore[misc]  # it brings no types
    """django-environ's, with its errors in words. Empty is the same as not set. Raises ConfigurationError."""

    def get_value(
        self, var: str, cast: Any = None, default: Any = environ.Env.NOTSET, parse_default: bool = False
    ) -> Any:
        if not self.ENVIRON.get(var) and default is not self.NOTSET:
            return default
        try:
            found = super().get_value(var, cast=cast, default=default, parse_default=parse_default)
        except (ValueError, ImproperlyConfigured):
            found = None
        said = self.ENVIRON.get(var, "")
        if found is None or not sound(said, found):
            raise ConfigurationError(self._problem(var, said, cast or type(default), default))
        return found

    def _problem(self, var: str, said: str, cast: Any, default: Any) -> str:
        if not said:
            return f"{var} is not set."
        if isinstance(cast, list):
            return f"{var}={said!r} does not work: it is numbers, separated by commas. Example: {var}=5,300,1800"
        kind = KINDS.get(cast)
        if kind is None:
            return f"{var} cannot be read."  # it may hold a password
        example = default if default is not self.NOTSET and default is not None else {bool: "true"}.get(cast, 60)
        return f"{var}={said!r} does not work: it is {kind}. Example: {var}={str(example).lower()}"


def sound(said: str, found: object) -> bool:
    """Whether a value that could be read makes sense: environ takes any word for False, and -1 and nan for numbers."""
    if isinstance(found, bool):
        return said.lower() in SWITCH
    if isinstance(found, (int, float)):
        return math.isfinite(found) and found >= 0
    return True


def address(variable: str, url: str) -> str:
    """A site's address without a slash at its end."""
    scheme, _, rest = url.partition("://")
    if scheme not in {"http", "https"} or not rest.rstrip("/") or set(rest.rstrip("/")) & set("/?#@ "):
        raise ConfigurationError(
            f"{variable}={url!r} does not work: it is the address that people open, without a path. "
            f"Example: {variable}=https://parity.example.org"
        )
    return url.rstrip("/")
