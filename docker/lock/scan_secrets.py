"""Look for keys and tokens in every file of the repository; ends with a message for each that .secrets.baseline lacks.

    python docker/lock/scan_secrets.py            (what `make secrets` and `make lint` run)
    python docker/lock/scan_secrets.py --accept   (what is found now is known from then on: look at it first)

detect-secrets looks for what keys look like: those of clouds and services, private keys, JSON web tokens. Its guesses
by words ("password") and by entropy stay out: tests are full of made-up ones and of digests.
"""

import os
import subprocess
import sys
from pathlib import Path

from detect_secrets.core import baseline
from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class
from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).resolve().parents[2]
BASELINE = ROOT / ".secrets.baseline"
GUESSES = {
    "Base64HighEntropyString",
    "BasicAuthDetector",
    "HexHighEntropyString",
    "IPPublicDetector",
    "KeywordDetector",
}
PLUGINS = [
    {"name": plugin.__name__}
    for plugin in get_mapping_from_secret_type_to_class().values()
    if plugin.__name__ not in GUESSES
]
FILTERS = [{"path": "detect_secrets.filters.allowlist.is_line_allowlisted"}]
LARGEST = 2_000_000
"""Bytes of a file that is looked through; beyond that it is data."""


def files() -> list[str]:
    """What git knows, or would take in, relative to the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = (Path(name) for name in listed.split("\0") if name)
    return [str(path) for path in found if path.is_file() and path.stat().st_size <= LARGEST]


def main(arguments: list[str]) -> int:
    """The exit status: 1 for something new."""
    os.chdir(ROOT)  # names of files are relative to where it runs
    with transient_settings({"plugins_used": PLUGINS, "filters_used": FILTERS}):
        found = SecretsCollection()
        for name in files():
            if name != BASELINE.name:
                found.scan_file(name)
        if arguments == ["--accept"]:
            baseline.save_to_file(found, str(BASELINE))
            return 0
        known = baseline.load(baseline.load_from_file(str(BASELINE)), str(BASELINE))
        new = found - known
    for name, secret in new:
        print(f"{name}:{secret.line_number}: this looks like a secret ({secret.type}).")
    if new:
        print("Take it out, and end it where it is of use. If it is made up: docker/lock/scan_secrets.py --accept")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
