"""`parity`, or `python -m evaluator`: submit and follow, read rankings, evaluate here, be a worker of a site."""

import argparse
import logging
import os
import sys
from collections.abc import Callable

from evaluator import config, hub, suites, worker
from evaluator.api_client import ApiError
from evaluator.cli import run as run_command
from evaluator.cli import site, verify
from evaluator.client import SiteError

Command = tuple[str, Callable[[argparse.ArgumentParser], None], Callable[[argparse.Namespace], int]]


def work(_: argparse.Namespace) -> int:
    worker.start(config.from_environment())
    return 0


COMMANDS: dict[str, Command] = {
    "submit": ("submit a model to a site", site.describe_submit, site.submit),
    "status": ("show a submission, or whether the site is at work", site.describe_status, site.status),
    "leaderboard": ("print a ranking", site.describe_leaderboard, site.leaderboard),
    "compare": ("test evaluations against each other", site.describe_compare, site.compare),
    "run": ("evaluate a model without a site", run_command.describe, run_command.run),
    "verify": ("run a results.json again and explain what differs", verify.describe, verify.verify),
    "worker": ("do the jobs of the site at PARITY_URL", lambda parser: None, work),
}
EPILOG = """The site is PARITY_URL, the token PARITY_TOKEN; or url and token in ~/.config/parity.toml (PARITY_CONFIG).
Exit status: 0 done; 1 it ended badly, or differs; 2 refused, or wrong use; 3 the site does not answer; 130 stopped."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="parity", description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (title, describe, call) in COMMANDS.items():
        command = commands.add_parser(name, help=title, description=title)
        describe(command)
        command.set_defaults(call=call)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for each heartbeat says nothing
    try:
        return int(options.call(options))
    except ApiError as error:
        more = f" See {error.url}" if error.url else ""
        print(f"error: {error}{more}", file=sys.stderr)
        return site.status_of(error)
    except (config.ConfigError, hub.HubError, suites.SuiteError, SiteError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except TimeoutError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `parity leaderboard | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
