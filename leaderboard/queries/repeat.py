"""The command that measures a submission again."""

import shlex

from django.conf import settings as site
from django.urls import reverse

from leaderboard.models import Submission
from leaderboard.queries.samples import WITH_SAMPLES

ENGINES = ("vllm", "transformers")
"""Those that `python -m evaluator run` knows."""


def repeat_command(row: Submission) -> str:
    """The exact command that measures this again, without a site; "" for what such a command cannot run."""
    settings = row.settings
    if settings.get("engine") not in ENGINES:
        return ""
    revision = row.revision.sha if row.revision else row.requested_revision
    lines = [[".venv/bin/python", "-m", "evaluator", "run"]]
    lines += [["--model", row.requested_model], ["--revision", revision], ["--suite", row.suite.slug]]
    if row.revision and row.revision.base_sha:
        lines.append(["--base-revision", row.revision.base_sha])
    lines += [["--engine", settings["engine"], "--dtype", settings["dtype"]]]
    if settings["apply_chat_template"]:
        lines.append(["--apply-chat-template"])
    if settings["max_length"]:
        lines.append(["--max-length", str(settings["max_length"])])
    if settings.get("thinking") is not None:
        lines.append(["--thinking" if settings["thinking"] else "--no-thinking"])
    if settings.get("think_end"):
        lines.append([f"--think-end={settings['think_end']}"])
    if settings.get("thinking_tokens"):
        lines.append(["--thinking-tokens", str(settings["thinking_tokens"])])
    lines.append(["--out", f"submission-{row.pk}"])
    return " \\\n  ".join(shlex.join(line) for line in lines)


def verify_command(row: Submission) -> str:
    """The command that measures this again and compares every item; "" before there is something to compare."""
    if row.state not in WITH_SAMPLES or row.settings.get("engine") not in ENGINES:
        return ""
    address = site.PARITY_URL.rstrip("/") + reverse("api-report", args=[row.pk])
    return shlex.join([".venv/bin/python", "-m", "evaluator", "verify", address])
