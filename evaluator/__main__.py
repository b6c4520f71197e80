"""`python -m evaluator`: evaluate here and now, or be a worker of a site."""

import argparse
import logging
import sys

from evaluator import config, hub, suites, worker
from evaluator.cli import run as run_command


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m evaluator", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run_command.describe(commands.add_parser("run", help="evaluate a model without a site"))
    commands.add_parser("worker", help="do the jobs of the site at PARITY_URL")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each heartbeat says nothing
    try:
        if options.command == "worker":
            worker.start(config.from_environment())
            return 0
        return run_command.run(options)
    except (config.ConfigError, hub.HubError, suites.SuiteError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
