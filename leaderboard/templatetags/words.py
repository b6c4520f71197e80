"""States, phases, settings and times in words."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from leaderboard.models import Event, Job
from leaderboard.models.submissions import LIVE
from leaderboard.queries.hosts import gigabytes
from leaderboard.queries.licences import licence_of
from leaderboard.queries.quota import Allowance
from leaderboard.queries.submissions import Progress
from leaderboard.statistics.waiting import Accuracy

register = template.Library()
register.filter("gigabytes", gigabytes)
register.filter("licence_of", licence_of)

PHASES = {
    "": "Starting",
    "preparing": "Preparing the tasks",
    "loading": "Loading the model",
    "evaluating": "Evaluating",
    "posting": "Sending the results",
}
STATES = {
    "validating": "Checking that this model can be evaluated here: its revision, weights, licence and size.",
    "queued": "Waiting for a worker.",
    "running": "A worker is evaluating the model.",
    "paused": "The evaluation waits for its owner.",
    "scoring": "Every item is answered. The scores are being put together.",
    "succeeded": "The evaluation is finished.",
    "rejected": "This model was not evaluated.",
    "failed": "The evaluation failed.",
    "cancelled": "The evaluation was cancelled before it was finished.",
    "quarantined": "The scores are held back until they have been checked.",
    "retracted": "This result was withdrawn and no longer counts.",
}
SPANS = {"day": "today", "month": "this month", "live": "under way"}
ENGINES = {"vllm": "vLLM", "transformers": "Transformers", "endpoint": "API", "vllm-images": "vLLM with images"}
STEPS = {
    ("", "validating"): "Submitted",
    ("validating", "queued"): "Accepted",
    ("queued", "running"): "Started",
    ("running", "queued"): "Back in the queue",
    ("paused", "queued"): "Goes on",
    ("running", "scoring"): "Measured",
    ("scoring", "quarantined"): "Held back",
    ("succeeded", "quarantined"): "Held back",
    ("quarantined", "succeeded"): "Released",
    ("succeeded", "retracted"): "Withdrawn",
}
SAID = {"submitted", "cancellation requested", "resumed"}
CODE = re.compile(r"[a-z]+(_[a-z]+)+(?= \(attempt \d+\)$|$)")
COMMIT = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{32}\b")
REASONS = {
    "worker_lost": "Its worker stopped answering",
    "time_limit": "It took longer than it may",
    "hub_unreachable": "The Hub cannot be reached; it is tried again",
    "duplicate_submission": "The same is already being evaluated",
    "over_budget": "Expected to take more than its budget",
    "on_hold": "The estimate is to be seen first",
    "key_gone": "Its API key was removed after a day",
    "key_unreadable": "Its API key cannot be opened",
    "responses_missing": "Not every response that it needs is stored",
    "cannot_rebuild": "A task could not be built again",
}
FEW = 5
"""Fewer predictions than these have no quantiles worth showing."""
DTYPES = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}


@register.filter
def phase(progress: Progress) -> str:
    """What a running submission is busy with: "Evaluating 120 of 500 items"."""
    if progress.phase == "evaluating" and progress.total:
        return f"Evaluating {progress.done:,} of {'about ' if progress.about else ''}{progress.total:,} items"
    return PHASES.get(progress.phase, "Running")


@register.filter
def part_of_it(job: Job, progress: Progress) -> str:
    """What one of the jobs that share a submission does, or did: "Evaluating 180 of about 333 items"."""
    items = f"{progress.done:,} {'item' if progress.done == 1 else 'items'}"
    match job.state:
        case Job.State.RUNNING if job.phase == "evaluating" and not progress.about:
            return f"Evaluating: {items} so far; scores all of them"
        case Job.State.RUNNING:
            return phase(progress)
        case Job.State.QUEUED:
            return "Waits for a worker"
        case Job.State.DONE:
            return f"Done: {items}"
    return f"{job.state.capitalize()}: the others do its items"


@register.filter
def sentence(state: str) -> str:
    """What a state means."""
    return STATES.get(state, state)


@register.filter
def allowance(one: Allowance) -> str:
    """A cap and how much of it is used: "12 of 50 today"; with when it is free again once it is used up."""
    text = f"{one.used:,} of {one.cap:,} {SPANS[one.period]}"
    if one.left or not one.cap:
        return text
    return f"{text}, more " + (
        "when one has ended" if one.resets_at is None else f"from {one.resets_at:%-d %B, %H:%M} UTC"
    )


@register.filter
def engines_words(engines: list[str]) -> str:
    """Engines as people know them: "vLLM, Transformers"."""
    return ", ".join(ENGINES.get(engine, engine) for engine in engines)


@register.filter
def engine_name(engine: str) -> str:
    """An engine as people know it: "vLLM"."""
    return ENGINES.get(engine, engine)


@register.filter
def settings_words(settings: Mapping[str, Any]) -> str:
    """Settings as people compare them: "vLLM, bfloat16, chat template"."""
    engine = settings.get("engine", "")  # what was imported need not say
    words = [ENGINES.get(engine, engine)] if engine else []
    if settings["dtype"] != "auto":
        words.append(settings["dtype"])
    if settings["apply_chat_template"]:
        words.append("chat template")
    if settings.get("max_length"):
        words.append(f"at most {settings['max_length']:,} tokens")
    return ", ".join(words + thinking_words(settings) + sampling_words(settings))


def thinking_words(settings: Mapping[str, Any]) -> list[str]:
    """Whether the model thinks before it answers."""
    told, most = settings.get("thinking"), settings.get("thinking_tokens")
    words = [] if told is None else ["thinking" if told else "no thinking"]
    words += ["thoughts cut off"] if settings.get("think_end") and not told else []
    return words + ([f"{most:,} tokens for thinking"] if most else [])


def sampling_words(settings: Mapping[str, Any]) -> list[str]:
    """How an endpoint was asked; of weights, nothing."""
    asked = settings.get("sampling")
    if not isinstance(asked, Mapping):
        return []
    heat, effort = asked.get("temperature"), asked.get("reasoning_effort")
    words = ["temperature as the model does" if heat is None else "greedy" if heat == 0 else f"temperature {heat:g}"]
    words += [f"top_p {asked['top_p']:g}"] if asked.get("top_p") is not None else []
    words += [f"reasoning {effort}"] if effort else []
    words += [f"{asked['thinking_tokens']:,} tokens for thinking"] if asked.get("thinking_tokens") else []
    words += [f"answers of at most {asked['max_tokens']:,} tokens"] if asked.get("max_tokens") else []
    words += ["no stop sequences sent"] if asked.get("stop") is False else []
    return words + ([f"{asked['passes']} passes"] if asked.get("passes", 1) > 1 else [])


@register.filter
def settings_short(settings: Mapping[str, Any]) -> str:
    """Settings for a narrow column: "vLLM bf16 chat"."""
    engine, dtype = settings.get("engine", ""), settings["dtype"]
    words = [ENGINES.get(engine, engine), "" if dtype == "auto" else DTYPES.get(dtype, dtype)]
    words += ["chat"] if settings["apply_chat_template"] else []
    words += [f"{settings['max_length']}"] if settings.get("max_length") else []
    words += ["thinks"] if settings.get("thinking") else []
    asked = settings.get("sampling")
    if isinstance(asked, Mapping):
        heat = asked.get("temperature")
        words += ["" if heat == 0 else "T –" if heat is None else f"T {heat:g}", asked.get("reasoning_effort") or ""]
        words += [f"×{asked['passes']}"] if asked.get("passes", 1) > 1 else []
    return " ".join(filter(None, words))


@register.filter
def until(start: datetime | None, end: datetime | None) -> str:
    """The time from `start` to `end`, or to now: "42 s", "3 min 5 s", "2 h 14 min"."""
    if start is None:
        return ""
    seconds = max(0, int(((end or timezone.now()) - start).total_seconds()))
    minutes, hours = seconds // 60, seconds // 3600
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min {seconds % 60} s" if minutes else f"{seconds} s"


@register.filter
def roughly(seconds: float) -> str:
    """A time that is only estimated, no more exactly than it is known: "about 4 min"."""
    if seconds < 10:
        return "a few seconds"
    if seconds < 95:
        return f"about {round(seconds / 10) * 10} s"
    for length, most, unit in ((60, 95, "min"), (3_600, 40, "h")):
        if seconds < most * length:
            return f"about {round(seconds / length)} {unit}"
    return f"about {round(seconds / 86_400)} days"


@register.filter
def off_by(accuracy: Accuracy | None) -> str:
    """How far to trust such an estimate, by the ones before it."""
    if accuracy is None:
        return "No prediction has come to its end yet: how good this one is, nobody knows."
    if accuracy.n < FEW:
        return (
            f"Only {accuracy.n} earlier prediction{'s' if accuracy.n > 1 else ''} came to an end: take it as a guess."
        )
    return (
        f"Earlier predictions: 8 of 10 submissions took ×{times(accuracy.p10)} to ×{times(accuracy.p90)} of what was "
        f"said when they were queued ({accuracy.n} of them)."
    )


def times(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio < 10 else f"{ratio:,.0f}"


@register.filter
def speed(items_per_second: float) -> str:
    """ "3.2 items/s", or for slow ones "12 s an item"."""
    if items_per_second >= 0.5:
        return f"{items_per_second:,.1f} items/s" if items_per_second < 100 else f"{items_per_second:,.0f} items/s"
    return f"{1 / items_per_second:,.0f} s an item"


@register.filter
def step(event: Event) -> str:
    """What happened, for the timeline."""
    if event.before == event.after:
        if event.reason == "cancellation requested":
            return "Asked to stop"
        return f"Still {event.after}" if event.after in LIVE else "Afterwards"
    return STEPS.get((event.before, event.after), event.after.capitalize())


@register.filter
def because(event: Event) -> str:
    """Why it happened; "" where the step has said it all. Codes become words, commits their beginnings."""
    if event.reason in SAID:
        return ""
    code = CODE.match(event.reason)
    if code is None:
        return COMMIT.sub(r"\1", event.reason)
    words = REASONS.get(code[0], code[0].replace("_", " ").capitalize())
    return words + event.reason[code.end() :]


@register.filter
def ago(moment: datetime) -> str:
    """How long ago, in one unit: "5 min ago"."""
    seconds = max(0, int((timezone.now() - moment).total_seconds()))
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length} {unit} ago"
    return "just now"


@register.filter
def pairs(value: Any) -> list[tuple[str, Any]]:
    """The items of a mapping (stored JSON may hold anything: of anything else, none)."""
    return [(str(key), entry) for key, entry in value.items()] if isinstance(value, Mapping) else []


@register.filter
def model_url(name: str) -> str:
    """The page of a model, or "" for a name that cannot have one."""
    try:
        return reverse("model" if "/" in name else "model-alone", args=name.split("/", 1))
    except (NoReverseMatch, UnicodeEncodeError):  # no address can hold a lone surrogate
        return ""


@register.filter
def organisation(name: str) -> str:
    """The part of `org/name` up to and with the slash."""
    before, slash, _ = name.rpartition("/") if name.count("/") == 1 else ("", "", name)
    return before + slash


@register.filter
def short_name(name: str) -> str:
    """The part of `org/name` after the slash."""
    return name.removeprefix(organisation(name))
