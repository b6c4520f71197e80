"""The commands that talk to a site: submit, status, leaderboard, compare."""

import argparse
import sys
from itertools import islice

from evaluator.api_client import ApiError, Parity, Row, Submission
from evaluator.cli import output
from evaluator.cli.run import describe_thinking
from evaluator.cli.site_settings import site_settings
from evaluator.config import ConfigError
from evaluator.contract import Settings

OK, BAD, REFUSED, UNREACHABLE = 0, 1, 2, 3
"""Exit statuses: done; it ended badly; the site refused or the command makes no sense; the site is not well."""


def connect(*, token: bool = False) -> Parity:
    """The site of the settings; raises ConfigError where a token is needed and none is known."""
    found = site_settings()
    if token and not found.token:
        raise ConfigError("PARITY_TOKEN is not set: submitting needs an API token of the site, parity_...")
    return Parity(found.url, found.token)


def status_of(error: ApiError) -> int:
    return UNREACHABLE if error.status == 0 or error.status >= 500 else REFUSED


def describe_submit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL", help="Hub ID, org/name")
    parser.add_argument("--suite", required=True, metavar="NAME@V")
    parser.add_argument("--revision", default="main", help="branch, tag or commit (default: main)")
    parser.add_argument("--engine", choices=("vllm", "transformers"), default="vllm")
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16", "float16"), default="auto")
    parser.add_argument("--apply-chat-template", action="store_true", help="send prompts as chat messages")
    parser.add_argument("--max-length", type=int, metavar="TOKENS", help="use a shorter context than the model's own")
    describe_thinking(parser)
    parser.add_argument("--fresh", action="store_true", help="ask everything, whatever was answered before")
    parser.add_argument("--wait", action="store_true", help="follow it to its end; the status says how it ended")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="with --wait: give up following after this")
    parser.add_argument("--key", default="", help="a name for this request: given again, it makes no second submission")
    parser.add_argument("--json", action="store_true", help="print the submission as JSON")


def submit(options: argparse.Namespace) -> int:
    """Submit; with --wait the status is 0 only for one that succeeded."""
    settings = {name: getattr(options, name) for name in Settings.__struct_fields__}
    with connect(token=True) as site:
        row = site.submit(
            options.model, suite=options.suite, revision=options.revision, settings=settings, fresh=options.fresh,
            key=options.key,
        )  # fmt: skip
        if options.wait:
            row = follow(site, row, timeout=options.timeout)
            stands = site.standing(row) if row.state == "succeeded" else None
        else:
            stands = None
    show(row, stands, json=options.json)
    return OK if not options.wait or row.state == "succeeded" else BAD


def follow(site: Parity, row: Submission, *, timeout: float | None) -> Submission:
    with output.Following(shown=sys.stderr.isatty()) as bar:
        return site.wait(row.id, timeout=timeout, watch=bar.show)


def show(row: Submission, stands: Row | None, *, json: bool) -> None:
    if json:
        output.as_json({"submission": row, "standing": stands})
        return
    print(output.described(row))
    if stands is not None:
        low, high = stands.rank_interval or (None, None)
        between = f" (95 %: {low} to {high})" if low is not None else ""
        print(f"  rank {stands.rank}{between}" if stands.rank else f"  not ranked: {stands.unranked_reason}")


def describe_status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("submission", type=int, nargs="?", metavar="ID", help="a submission; none: the site itself")
    parser.add_argument("--json", action="store_true")


def status(options: argparse.Namespace) -> int:
    """A submission (1 where it ended badly), or the site (1 where something is wrong with it)."""
    with connect() as site:
        if options.submission is None:
            return of_site(site, json=options.json)
        row = site.submission(options.submission)
        stands = site.standing(row) if row.state == "succeeded" else None
    show(row, stands, json=options.json)
    return BAD if row.ended and row.state != "succeeded" else OK


def of_site(site: Parity, *, json: bool) -> int:
    found = site.status()
    if json:
        output.as_json(found)
    else:
        online = sum(worker["online"] for worker in found["workers"])
        waiting = sum(queue["waiting"] for queue in found["queues"])
        print(f"{site.url}: {online} workers online, {waiting} jobs wait")
        for problem in found["problems"]:
            print(f"  {output.visible(problem)}")
    return BAD if found["problems"] else OK


def describe_leaderboard(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--suite", default="", metavar="NAME@V", help="default: the one with the newest ranking")
    parser.add_argument(
        "--filter", action="append", default=[], metavar="WORDS", dest="filters",
        help="NAME=VALUE chooses a facet's value (kind=open); anything else is a search: 'qwen size:<10'",
    )  # fmt: skip
    parser.add_argument("--sort", default="", metavar="COLUMN", help="a column or task, - before it for descending")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N rows")
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table")


def leaderboard(options: argparse.Namespace) -> int:
    facets: dict[str, list[str]] = {}
    words = []
    for one in options.filters:
        name, equals, value = one.partition("=")
        if equals and name.isidentifier():
            facets.setdefault(name, []).append(value)
        else:
            words.append(one)
    with connect() as site:
        rows = site.leaderboard(options.suite, sort=options.sort, search=" ".join(words), filters=facets)
        found = list(islice(rows, options.limit))
    {"table": output.as_table, "csv": output.as_csv, "json": output.as_json}[options.format](found)
    return OK


def describe_compare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("evaluations", nargs="+", metavar="A", help="2 to 8: s12, i34, or a model's name")
    parser.add_argument("--suite", default="", metavar="NAME@V", help="needed where models are named")
    parser.add_argument("--margin", type=float, metavar="POINTS", help="what would not matter (default 1)")
    parser.add_argument("--json", action="store_true")


def compare(options: argparse.Namespace) -> int:
    with connect() as site:
        found = site.compare(*options.evaluations, suite=options.suite, margin=options.margin)
    if options.json:
        output.as_json(found)
        return OK
    lines = [("", "model", "score", "against the first", "difference", "95 %")]
    for one in found["models"]:
        score = "-" if one["score"] is None else f"{one['score']:.2f}"
        against = one["against"] or {"verdict": "", "difference": None, "interval": None, "reason": ""}
        difference = "" if against["difference"] is None else f"{against['difference']:+.2f}"
        interval = "{:+.2f} to {:+.2f}".format(*against["interval"]) if against["interval"] else ""
        lines.append((one["id"], one["model"], score, against["verdict"] or against["reason"], difference, interval))
    print(output.columns(lines))
    return OK
