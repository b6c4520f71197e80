"""States, phases, settings and times in words."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from leaderboard.queries.submissions import Progress

register = template.Library()

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
    "scoring": "Every item is answered. The scores are being put together.",
    "succeeded": "The evaluation is finished.",
    "rejected": "This model was not evaluated.",
    "failed": "The evaluation failed.",
    "cancelled": "The evaluation was cancelled before it was finished.",
    "quarantined": "The scores are held back until they have been checked.",
    "retracted": "This result was withdrawn and no longer counts.",
}
ENGINES = {"vllm": "vLLM", "transformers": "Transformers"}
DTYPES = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}


@register.filter
def phase(progress: Progress) -> str:
    """What a running submission is busy with: "Evaluating 120 of 500 items"."""
    if progress.phase == "evaluating" and progress.total:
        return f"Evaluating {progress.done:,} of {progress.total:,} items"
    return PHASES.get(progress.phase, "Running")


@register.filter
def sentence(state: str) -> str:
    """What a state means."""
    return STATES.get(state, state)


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
    return ", ".join(words)


@register.filter
def settings_short(settings: Mapping[str, Any]) -> str:
    """Settings for a narrow column: "vLLM bf16 chat"."""
    engine, dtype = settings.get("engine", ""), settings["dtype"]
    words = [ENGINES.get(engine, engine), "" if dtype == "auto" else DTYPES.get(dtype, dtype)]
    words += ["chat"] if settings["apply_chat_template"] else []
    words += [f"{settings['max_length']}"] if settings.get("max_length") else []
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
    except NoReverseMatch:
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
