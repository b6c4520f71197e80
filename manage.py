#!/usr/bin/env python
"""Django's command line. Joins the embedded PostgreSQL and Valkey, or starts them, where no URL names others."""

import sys

from django.core.management import execute_from_command_line

from evaluator.hub_names import HubError
from leaderboard import environment
from leaderboard.embedded.errors import EmbeddedError


def main() -> int:
    try:
        with environment.prepare():
            execute_from_command_line(sys.argv)
    except (environment.ConfigurationError, EmbeddedError, HubError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
