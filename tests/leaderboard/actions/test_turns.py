"""Whose turn it is, with numbers: nobody's many submissions stand before others' few, and everybody comes to a turn."""

import random
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from evaluator.contract import ClaimRequest, Settings, settings_digest, spelled
from leaderboard.actions import lease, validate
from leaderboard.actions.accounts import create_person
from leaderboard.actions.cancel import cancel
from leaderboard.actions.errors import Conflict, Forbidden, Refused
from leaderboard.actions.staff import prioritise
from leaderboard.actions.turns import place, under_way
from leaderboard.models import Audit, Event, Job, Model, Owner, Revision, Submission, Suite, WorkerToken
from leaderboard.queries.submissions import detail, queue
from tests.leaderboard.path import pinned
from tests.together import together

REQUEST = ClaimRequest(worker="w", queues=("cpu",), engines=("vllm",))
SETTINGS = Settings()


@dataclass
class Line:
    """Submissions as they wait, by owner, and the order in which a worker gets them."""

    suite: Suite
    token: WorkerToken
    owners: dict[str, Owner] = field(default_factory=dict)

    def owner(self, name: str, *, staff: bool = False) -> Owner:
        if name not in self.owners:
            self.owners[name] = create_person(username=name, password=None, staff=staff).owner
        return self.owners[name]

    def wait(self, name: str, count: int = 1) -> list[int]:
        """So many more of this owner's submissions are queued; returns their numbers."""
        owner, made = self.owner(name), []
        for _ in range(count):
            number = Submission.objects.count()
            model = Model.objects.create(name=f"org/m{number}")
            row = Submission.objects.create(
                owner=owner, suite=self.suite, requested_model=model.name, state="queued",
                revision=Revision.objects.create(model=model, sha=f"{number:040x}", source="mirror"),
                settings=spelled(SETTINGS), settings_digest=settings_digest(SETTINGS),
            )  # fmt: skip
            Job.objects.create(
                submission=row, queue="cpu", engine="vllm", not_before=Now(), **place(owner=owner, queue="cpu")
            )
            made.append(row.pk)
        return made

    def claim(self) -> int:
        """The submission whose job a worker gets next."""
        spec = lease.claim(token=self.token, request=REQUEST)
        assert spec is not None
        return Job.objects.get(pk=spec.job).submission_id

    def take(self) -> int:
        """As `claim`, without a worker's name, token and events: what is first in line is given away."""
        with transaction.atomic():
            job = lease.next_in_line(self.token, REQUEST)
            assert job is not None
            Job.objects.filter(pk=job.pk).update(state="done", attempt=1)
            Submission.objects.filter(pk=job.submission_id).update(state="succeeded")
        return job.submission_id

    def claimed(self, count: int) -> list[str]:
        """By owner, who gets a worker the next times."""
        names = {owner.pk: name for name, owner in self.owners.items()}
        return [names[Submission.objects.get(pk=self.claim()).owner_id] for _ in range(count)]


@pytest.fixture
def line(suite: Suite, worker_token: WorkerToken) -> Line:
    return Line(suite, worker_token)


@pytest.mark.slow
@pytest.mark.django_db
def test_500_submissions_of_one_delay_the_first_of_another_by_one_job(line: Line) -> None:
    line.wait("many", 500)
    assert line.claimed(7) == ["many"] * 7
    line.wait("few")
    order = line.claimed(3)
    print(f"\n500 of one wait, 493 still do when another comes: {order}")
    assert order.index("few") <= 1
    line.wait("few", 3)
    assert line.claimed(6).count("few") == 3


@pytest.mark.django_db
def test_everybody_gets_one_a_round(line: Line) -> None:
    for name, count in (("a", 4), ("b", 2), ("c", 3)):
        line.wait(name, count)
    assert line.claimed(9) == ["a", "b", "c", "a", "b", "c", "a", "c", "a"]


@pytest.mark.django_db
def test_a_round_that_has_begun_is_joined_by_nobody(line: Line) -> None:
    """Else a stream of newcomers would stand before whoever waits for the next one."""
    line.wait("old", 3)
    assert line.claimed(1) == ["old"]
    for round_ in range(2):
        newcomers = [f"new{round_}{number}" for number in range(3)]
        for name in newcomers:
            line.wait(name)
        assert line.claimed(4) == ["old", *newcomers]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_nothing_starves_among_1000_mixed_jobs(line: Line) -> None:
    """Owners of all sizes come while workers take; what is under way and each round up to a job's own have
    one job of each owner at most before it."""
    chance = random.Random(12)
    line.owner("staff", staff=True)
    sizes = {"huge": 400, "large": 250, "staff": 100, **{f"small{number}": 5 for number in range(50)}}
    coming = [name for name, size in sizes.items() for _ in range(size)]
    chance.shuffle(coming)
    coming.sort(key=lambda name: name != "huge" or chance.random() < 0.3)  # most of the huge ones are there first
    asked: dict[int, tuple[int, int]] = {}
    waits: dict[str, list[int]] = defaultdict(list)
    mine: Counter[str] = Counter()
    names = {owner: name for name, owner in ((name, line.owner(name).pk) for name in sizes)}
    claims = worst = 0
    with connection.cursor() as cursor:  # as a site's own statistics say of a line that is not empty
        line.wait("staff", 5)
        [line.take() for _ in range(5)]
        cursor.execute("ANALYZE")
    while coming or mine.total():
        for _ in range(min(len(coming), chance.choice([0, 1, 3]))):
            name = coming.pop(0)
            asked[line.wait(name)[0]] = (claims, mine[name])
            mine[name] += 1
        if mine.total() and chance.random() < 0.9:
            number = line.take()
            name = names[Submission.objects.get(pk=number).owner_id]
            since, before = asked.pop(number)
            waits[name].append(claims - since)
            worst = max(worst, (claims - since) - (before + 2) * len(sizes))
            claims, mine[name] = claims + 1, mine[name] - 1
    assert claims == 1000 and not asked
    print(f"\n1000 jobs of {len(sizes)} owners: claims that a job waited, at most: "
          + ", ".join(f"{name} {max(waits[name])}" for name in ("huge", "large", "staff", "small0")))  # fmt: skip
    assert worst <= 0, "a job was overtaken by more than one of each owner a round"
    assert max(max(waits[f"small{number}"]) for number in range(50)) < max(waits["huge"])


@pytest.mark.django_db
def test_the_staffs_own_come_first_in_their_round_and_no_sooner(line: Line) -> None:
    line.owner("staff", staff=True)
    for name, count in (("a", 2), ("b", 2), ("staff", 2)):
        line.wait(name, count)
    assert line.claimed(6) == ["staff", "a", "b", "staff", "a", "b"]


@pytest.mark.django_db
def test_what_the_staff_puts_first_is_next_and_it_is_noted(line: Line) -> None:
    staff = create_person(username="root", password=None, staff=True)
    numbers = line.wait("a", 5)
    line.wait("b", 2)
    assert line.claim() == numbers[0]
    prioritise(submission=numbers[3], actor=staff, reason="A talk is tomorrow.")
    prioritise(submission=numbers[4], actor=staff, reason="And this one.")
    assert detail(numbers[3]).queue_position == 1
    assert [line.claim() for _ in range(2)] == numbers[3:]
    assert line.claimed(4) == ["b", "a", "b", "a"]
    audits = Audit.objects.filter(action="prioritise").values_list("actor", "subject", "reason")
    assert audits[0] == ("root", f"submission {numbers[3]}", "A talk is tomorrow.")
    assert Event.objects.filter(submission=numbers[3], reason="put first in its line", before="queued").exists()


@pytest.mark.django_db
def test_only_the_staff_puts_first_and_only_what_waits(line: Line) -> None:
    staff = create_person(username="root", password=None, staff=True)
    (number,) = line.wait("a")
    a = line.owner("a").user
    assert a is not None
    with pytest.raises(Forbidden):
        prioritise(submission=number, actor=a, reason="Me first.")
    with pytest.raises(Refused):
        prioritise(submission=number, actor=staff, reason=" ")
    line.claim()
    with pytest.raises(Conflict, match="running"):
        prioritise(submission=number, actor=staff, reason="Too late.")


@pytest.mark.django_db
def test_whoever_gives_up_what_waits_starts_with_the_next_round(line: Line) -> None:
    """And not behind the places that nobody takes any more."""
    owner = line.owner("a")
    for number in line.wait("a", 20):
        cancel(submission=number, owner=owner)
    line.wait("b", 2)
    line.wait("a")
    assert line.claimed(3) == ["b", "a", "b"]


@pytest.mark.django_db
def test_a_lost_job_keeps_its_turn(line: Line) -> None:
    first, *_ = line.wait("a", 3)
    assert line.claim() == first
    line.claim()
    Job.objects.filter(submission=first).update(lease_expires_at=Now() - lease.timedelta(seconds=1))
    lease.expire_leases()
    Job.objects.update(not_before=Now())
    assert line.claim() == first
    assert under_way("cpu") == 2


@pytest.mark.django_db
def test_each_queue_has_rounds_of_its_own(line: Line) -> None:
    line.wait("a", 5)
    for _ in range(5):
        line.claim()
    assert place(owner=line.owner("a"), queue="gpu")["turn"] == 1
    assert place(owner=line.owner("a"), queue="cpu")["turn"] == 6


@pytest.mark.django_db
def test_pages_show_the_order_in_which_jobs_are_given_out(line: Line) -> None:
    a, b = line.wait("a", 3), line.wait("b", 1)
    places = {one.submission.pk: one.position for one in queue().waiting}
    assert [places[number] for number in (a[0], b[0], a[1], a[2])] == [1, 2, 3, 4]
    assert [detail(number).queue_position for number in (a[0], b[0], a[1], a[2])] == [1, 2, 3, 4]


@pytest.mark.django_db(transaction=True)
def test_two_of_one_owner_at_the_same_moment_take_two_turns(
    owner: Owner, suite: Suite, make_submission: Callable[..., Submission]
) -> None:
    """By the validator's own way, which has several threads."""
    rows = []
    for number in range(4):
        made = make_submission(f"org/m{number}", sha=f"{number:040x}")
        Job.objects.filter(submission=made).update(state="cancelled")
        Submission.objects.filter(pk=made.pk).update(state="validating", revision=None)
        rows.append(Submission.objects.select_related("suite", "owner__user").get(pk=made.pk))
    together(*[lambda row=row: validate.enter(row=row, pinned=pinned(row.requested_model)) for row in rows])
    assert sorted(Job.objects.filter(state="queued").values_list("turn", flat=True)) == [1, 2, 3, 4]


@pytest.mark.slow
@pytest.mark.django_db
def test_a_claim_reads_the_line_by_its_index(line: Line) -> None:
    """However many wait: no sorting, and as many rows as it takes to find one that fits."""
    line.wait("many", 300)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    plan = lease.line(line.token, REQUEST)[:1].explain()
    assert "job_in_line" in plan and "Sort" not in plan, plan
