"""Workloads in words: how they are scored, how a tried answer counts, when an upload is forgotten."""

import json
from typing import Any

from django import template
from django.utils import timezone

from evaluator.scoring.spec import KINDS
from leaderboard.models import WorkloadDraft
from leaderboard.models.workloads import DRAFT_LIFE
from leaderboard.pages.scoring_form import NAMES, options_of
from leaderboard.pages.workload_scoring import Scene, Tried

register = template.Library()
EXTRACT = "Answer taken from"


@register.filter
def way(scoring: dict[str, Any]) -> str:
    """How a version is scored, in two words."""
    kind = scoring.get("kind", "")
    return NAMES[kind][0] if kind in NAMES else str(kind)


@register.filter
def details(scoring: dict[str, Any]) -> list[tuple[str, str]]:
    """The options that are not as usual, by their labels."""
    kind = scoring.get("kind", "")
    if kind not in KINDS:
        return []
    found = [(EXTRACT, scoring["extract"])] if scoring.get("extract") else []
    usual = KINDS[kind]()
    for name, field in options_of().get(kind, {}).items():
        value = scoring.get(name, getattr(usual, name))
        if value not in ((), [], "", None) and (value != getattr(usual, name) or isinstance(value, bool)):
            found.append((str(field.label), written(value, getattr(field, "choices", ()))))
    return found


def written(value: Any, choices: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, indent=2)
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(dict(choices).get(value, value) if choices else value)


@register.filter
def ends(draft: WorkloadDraft) -> str:
    """ "in 54 minutes"."""
    minutes = max(0, round((draft.created_at + DRAFT_LIFE - timezone.now()).total_seconds() / 60))
    return f"in {minutes} minute{'' if minutes == 1 else 's'}"


@register.filter
def next_number(scene: Scene) -> str:
    """The version that keeping makes, for a workload that is there."""
    newest = scene.workload.versions.first() if scene.workload else None
    return str(newest.number + 1) if newest else "1"


@register.filter
def grade(one: Tried) -> str:
    """The mark's kind: right, wrong or neither."""
    if one.scored is None or one.problem:
        return "none"
    return "right" if one.scored.score == 1 else "wrong" if one.scored.score == 0 else "part"


@register.filter
def mean(trial: list[Tried]) -> str:
    """The mean of the answers that have a score."""
    scores = [one.scored.score for one in trial if one.scored is not None]
    problems = sum(bool(one.problem) for one in trial)
    if problems:
        return f"{'None' if problems == len(trial) else f'Only {len(trial) - problems}'} of these can be scored so."
    if any(one.note for one in trial):
        return "Programs are run by workers, in a sandbox; here they are only read."
    if not scores:
        return "Type answers to see how they would count."
    return f"{sum(scores):.4g} of {len(scores)}: a mean of {100 * sum(scores) / len(scores):.0f} %"


@register.filter
def same_as(first: Any, second: Any) -> bool:
    return bool(first == second)
