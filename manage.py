#!/usr/bin/env python
"""Django's command line. Joins the embedded PostgreSQL and Valkey, or starts them, where no URL names others."""

import sys

from leaderboard import environment


def main() -> int:
    try:
        services = environment.prepare()
    except environment.ConfigurationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    from django.core.management import execute_from_command_line  # after the environment is complete

    with services:
        execute_from_command_line(sys.argv)
    return 0


if __name__ == "__main__":
    sys.exit(main())
