"""The entry point of the site's image: the settings first, so that what is missing or wrong is told in words and with
status 2; then the program. By itself gunicorn ends with a traceback and status 3, Celery with a traceback and status 1.
"""

import os
import sys
from importlib import import_module

from evaluator.hub_names import HubError
from leaderboard.environment import ConfigurationError


def main(program: list[str]) -> int:
    """Become `program`; 2 where a variable is missing or wrong."""
    try:
        import_module("leaderboard.settings")
    except (ConfigurationError, HubError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    os.execvp(program[0], program)  # noqa: S606  # no shell is wanted between


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
