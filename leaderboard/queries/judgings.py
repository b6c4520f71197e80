"""Judgings as the owner of their bake-off sees them: which there are, and how far their judges have come."""

from collections.abc import Iterable
from dataclasses import dataclass

from leaderboard.models import Bakeoff, Job, Judge, Judging, Submission, Workload
from leaderboard.queries.bakeoffs import Course, Entrant
from leaderboard.queries.errors import Missing


@dataclass(frozen=True)
class Bench:
    """A judging with its judges as they stand. `first` and `second` are the models judged, as in the bake-off."""

    judging: Judging
    course: Course
    first: Entrant
    second: Entrant
    judges: list[tuple[Judge, Entrant]]

    @property
    def live(self) -> bool:
        return any(one.live for _, one in self.judges)

    @property
    def waiting(self) -> list[Entrant]:
        """Judges that wait for their owner's word."""
        return [one for _, one in self.judges if one.state == Submission.State.PAUSED]

    @property
    def workload(self) -> Workload:
        return self.course.workload

    @property
    def bakeoff(self) -> Bakeoff:
        return self.course.bakeoff


def benches(course: Course) -> list[Bench]:
    """All judgings of a bake-off, oldest first. 3 queries."""
    rows = list(Judging.objects.filter(bakeoff=course.bakeoff).defer("suite").order_by("pk"))
    return seated(course, rows)


def bench(course: Course, pk: int) -> Bench:
    """One of them; raises Missing, also for another bake-off's."""
    rows = list(Judging.objects.filter(bakeoff=course.bakeoff, pk=pk).defer("suite"))
    if not rows:
        raise Missing("judging", f"This bake-off has no judging {pk}.")
    return seated(course, rows)[0]


def seated(course: Course, rows: Iterable[Judging]) -> list[Bench]:
    listed = list(rows)
    if not listed:
        return []
    judges = list(
        Judge.objects.filter(judging__in=listed)
        .select_related("submission__revision__model", "submission__use__endpoint")
        .order_by("judging_id", "position")
    )
    jobs: dict[int, list[Job]] = {}
    for job in Job.everything.filter(submission__judge__in=judges).defer("log").order_by("pk"):
        jobs.setdefault(job.submission_id, []).append(job)
    entrants = {one.submission.pk: one for one in course.entrants}
    return [
        Bench(
            row, course, entrants[row.first_id], entrants[row.second_id],
            [
                (judge, Entrant(place, judge.submission, jobs.get(judge.submission_id, [])))
                for place, judge in enumerate((one for one in judges if one.judging_id == row.pk), start=1)
            ],
        )
        for row in listed
        if row.first_id in entrants and row.second_id in entrants
    ]  # fmt: skip


def judge_runs(bakeoff: Bakeoff) -> set[int]:
    """The submissions of all its judges."""
    return set(Judge.objects.filter(judging__bakeoff=bakeoff).values_list("submission", flat=True))
