"""`parity verify results.json`: run an evaluation again, exactly as its file says, and explain every mismatch.

The file may be at a site: the address of a submission's report.json.
"""

import argparse
import hashlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import httpx
import msgspec

from evaluator import suites, verification
from evaluator.cli import output
from evaluator.cli import run as runs
from evaluator.contract import Settings, SuiteSpec
from evaluator.run import Scoring
from evaluator.suites import SuiteError

NEEDED = ("model", "revision", "settings", "tasks", "definition")


def describe(parser: argparse.ArgumentParser) -> None:
    what = "as `parity run` writes it, or a submission's https://.../report.json"
    parser.add_argument("results", metavar="results.json", help=what)
    parser.add_argument("--model", default="", metavar="DIR_OR_ID", help="the weights, where the file names a folder")
    parser.add_argument(
        "--suite", default="", metavar="FILE", help="the suite's YAML, where it is none of Parity's own"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="keep what the run writes")
    parser.add_argument("--json", action="store_true", help="print the verdict as JSON")


def verify(options: argparse.Namespace) -> int:
    """0 where it came out again, 1 where something differs."""
    recorded = read(options.results)
    suite, bundle = suite_of(recorded, options.suite)
    with tempfile.TemporaryDirectory(prefix="parity-verify-") as name:
        out = (options.out or Path(name)).resolve()
        settings = msgspec.convert(recorded["settings"], Settings)
        asked = argparse.Namespace(
            model=options.model or recorded["model"],
            revision=recorded["revision"],
            base_revision=recorded["base"]["sha"] if "base" in recorded else "",
        )
        scoring = msgspec.convert(recorded.get("scoring", "fast"), Scoring)
        status = runs.evaluate(asked, suite, bundle, settings, out, scoring=scoring, quiet=options.json)
        if status:
            return status
        again = json.loads((out / "results.json").read_text())
    if options.model and Path(options.model).is_dir():  # a folder's name says nothing; its digest does
        again["model"] = recorded["model"]
    verdict = verification.compare(recorded, again)
    show(verdict, json_wanted=options.json)
    return 0 if verdict.reproduced else 1


def read(path: str) -> dict[str, Any]:
    """The file, or what is at that address; raises SuiteError in words for one that cannot be run again."""
    try:
        found = json.loads(fetched(path) if path.startswith(("https://", "http://")) else Path(path).read_bytes())
    except OSError as error:
        raise SuiteError(f"{path} cannot be read: {error.strerror}.") from error
    except httpx.HTTPError as error:
        raise SuiteError(f"{path} cannot be read: {error}.") from error
    except ValueError as error:
        raise SuiteError(f"{path} is not JSON: {error}.") from error
    missing = [name for name in NEEDED if not isinstance(found, dict) or name not in found]
    if missing:
        raise SuiteError(f"{path} is no results.json of `parity run`: it has no {', '.join(missing)}.")
    return dict(found)


def fetched(address: str) -> bytes:
    """What a site answers; raises httpx.HTTPError."""
    return httpx.get(address, timeout=60, follow_redirects=True).raise_for_status().content


def suite_of(recorded: dict[str, Any], given: str) -> tuple[SuiteSpec, bytes | None]:
    """The suite as it was run, with its task files; raises SuiteError where those are other ones."""
    try:
        suite = msgspec.convert(recorded["definition"], SuiteSpec)
        msgspec.convert(recorded["settings"], Settings)
        msgspec.convert(recorded.get("scoring", "fast"), Scoring)
    except msgspec.ValidationError as error:
        raise SuiteError(f"The file's definition, settings or way of scoring cannot be read: {error}.") from error
    if suite.bundle is None:
        return suite, None
    _, bundle = suites.find(given or suite.slug)
    if bundle is None or hashlib.sha256(bundle).hexdigest() != suite.bundle:
        raise SuiteError(f"The task files of {suite.slug} here are not those that the file was measured with.")
    return suite, bundle


def show(verdict: verification.Verdict, *, json_wanted: bool) -> None:
    if json_wanted:
        output.as_json(
            {
                "reproduced": verdict.reproduced, "tolerance": verdict.tolerance, "tasks": verdict.checked,
                "differences": [
                    {"task": one.task, "what": one.what, "counts": one.counts} for one in verdict.differences
                ],
            }
        )  # fmt: skip
        return
    print(f"tolerance: {verdict.tolerance}", file=sys.stdout)
    for one in verdict.differences:
        mark = "differs" if one.counts else "note"
        print(output.visible(f"{mark}: {one.task + ': ' if one.task else ''}{one.what}"))
    print(f"{verdict.checked} tasks compared: {'reproduced' if verdict.reproduced else 'NOT reproduced'}")
