"""`make multi-host`: three workers on hosts of their own, latency, loss, and cables that are taken out and put back.

    python -m tests.hosts [--short] [--jobs 150] [--seed 12] [--latency 0.04] [--loss 0.02]

The hosts are network namespaces (links.py) that reach the site's address and nothing else, the wire between is a relay
in userspace (relay.py), and the workers are real ones whose evaluations load no model (tests.chaos.child). All have one
file system: what is on different machines here is the network. The last line is one JSON object (drill.py says what is
in it); the status is 1 where one of its zeros is none, and 3 where namespaces are impossible.
"""

import os
import sys

from tests.hosts.links import Impossible, prefix

IMPOSSIBLE = 3
"""The exit status."""


def main(arguments: list[str]) -> int:
    """Become the same command in a network of its own."""
    try:
        command = [*prefix(), sys.executable, "-m", "tests.hosts.drill", *arguments]
    except Impossible as error:
        print(f"make multi-host needs network namespaces: {error}", file=sys.stderr)
        return IMPOSSIBLE
    os.execvp(command[0], command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
