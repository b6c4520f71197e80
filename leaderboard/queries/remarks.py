"""What was said about a score, a model or a task, with its answers."""

from dataclasses import dataclass

from leaderboard.models import Model, Remark


@dataclass(frozen=True)
class Said:
    """A remark and the staff's answers to it, oldest first."""

    remark: Remark
    replies: list[Remark]

    @property
    def closed(self) -> bool:
        return any(one.closes for one in self.replies)


def remarks_of(submission: int) -> list[Said]:
    """Flags and disputes of a submission, oldest first. 2 queries."""
    rows = Remark.objects.filter(submission=submission).prefetch_related("replies")
    return [Said(one, list(one.replies.all())) for one in rows]


def contamination_of(*, model: Model | None = None, task: str = "") -> list[Remark]:
    """Notes on a model, or on a task. 1 query."""
    rows = Remark.objects.filter(kind=Remark.Kind.CONTAMINATION).select_related("model")
    return list(rows.filter(model=model) if model else rows.filter(task=task))
