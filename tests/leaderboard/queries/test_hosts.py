from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from evaluator.contract import HELLO_SECONDS, ClaimRequest, Settings
from leaderboard.actions import lease
from leaderboard.actions.introduce import introduce
from leaderboard.models import Job, Revision, Submission, Worker, WorkerToken
from leaderboard.queries import hosts, status, waiting
from leaderboard.queries.editions import least_edition

Make = Callable[..., Submission]
QUEUES, ENGINES = ["cpu", "gpu"], ["vllm", "transformers"]
ARCHITECTURES = ["LlamaForCausalLM", "MambaForCausalLM"]
GB = 10**9


def worker(**changes: object) -> Worker:
    return Worker(**{"queues": ["gpu"], "engines": ["vllm"], "memory_bytes": 16 * GB, **changes})


def job(**changes: object) -> hosts.Need:
    usual = {"queue": "gpu", "engine": "vllm", "needs_bytes": 8 * GB, "architecture": ARCHITECTURES[0], "edition": 1}
    return hosts.Need(**{**usual, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("trusted", "edition", "said"),
    [(True, 3, ""), (False, 3, "trusted workers of today only"), (True, 2, "trusted workers of today only")],
)
def test_an_endpoint_needs_a_worker_that_may_have_keys(trusted: bool, edition: int, said: str) -> None:
    one = worker(queues=["api"], engines=["endpoint"], edition=edition, token=WorkerToken(trusted=trusted))
    wanted = job(queue="api", engine="endpoint", needs_bytes=0, architecture="")
    assert hosts.can_run(one, wanted) == (not said)
    assert said in hosts.why_not([one], wanted) and bool(hosts.why_not([one], wanted)) == bool(said)


@pytest.mark.parametrize(
    ("workers", "wanted", "said"),
    [
        ([], {}, "No worker is online."),
        ([{}], {}, ""),
        ([{"queues": ["cpu"]}], {}, "No worker of the queue gpu is online, only of cpu."),
        (
            [{"engines": ["transformers"]}],
            {},
            "It needs the engine vllm; the workers of the queue gpu that are online have transformers.",
        ),
        (
            [{}, {"memory_bytes": 24 * GB}, {"queues": ["cpu"], "memory_bytes": 999 * GB}],
            {"needs_bytes": 141_500_000_000},
            "It needs 142 GB of memory; the largest worker of the queue gpu that is online has 24.0 GB.",
        ),
        (
            [{"architectures": ["QwenForCausalLM"]}, {"memory_bytes": 1}],
            {},
            "No worker of the queue gpu with 8.0 GB of memory that is online runs LlamaForCausalLM.",
        ),
        ([{"memory_bytes": None}], {"needs_bytes": 10**15}, ""),
        ([{"architectures": ["QwenForCausalLM"]}], {"architecture": ""}, ""),
        ([{"edition": 4}, {"edition": 6}], {"edition": 6}, ""),
        (
            [{"edition": 4}, {"edition": 5}, {"edition": 6, "queues": ["cpu"]}],
            {"edition": 6},
            "It needs a worker of edition 6 of the contract; the newest of the queue gpu that is online has 5, and has "
            "to be upgraded.",
        ),
        (
            [{"drained_at": timezone.now()}],
            {},
            "The workers that are online take no more jobs: the site's staff has drained them.",
        ),
    ],
)
def test_the_first_requirement_that_nobody_meets_is_named(
    workers: list[dict[str, object]], wanted: dict[str, object], said: str
) -> None:
    assert hosts.why_not([worker(**one) for one in workers], job(**wanted)) == said


MACHINES = st.fixed_dictionaries(
    {
        "queues": st.lists(st.sampled_from(QUEUES), unique=True),
        "engines": st.lists(st.sampled_from(ENGINES), unique=True),
        "memory_bytes": st.none() | st.sampled_from([0, 5, 10]),
        "architectures": st.lists(st.sampled_from(ARCHITECTURES), unique=True),
        "edition": st.sampled_from([1, 4, 5, 6]),
        "drained_at": st.none() | st.just(timezone.now()),
    }
)
NEEDS = st.fixed_dictionaries(
    {
        "queue": st.sampled_from(QUEUES),
        "engine": st.sampled_from(ENGINES),
        "needs_bytes": st.sampled_from([0, 5, 6]),
        "architecture": st.sampled_from(["", *ARCHITECTURES]),
        "edition": st.sampled_from([1, 4, 6]),
    }
)


@given(st.lists(MACHINES, max_size=3), NEEDS)
def test_there_is_a_reason_exactly_when_nobody_can(machines: list[dict[str, object]], needs: dict[str, object]) -> None:
    wanted, workers = job(**needs), [worker(**one) for one in machines]
    assert (hosts.why_not(workers, wanted) == "") == any(hosts.can_run(one, wanted) for one in workers)


@pytest.mark.django_db
def test_it_is_the_rule_by_which_jobs_are_claimed(make_submission: Make) -> None:
    """Every combination of a few machines and needs, asked of the database and of this."""
    row = make_submission().jobs.get()
    for queue in QUEUES:
        for engine in ENGINES:
            for size in (0, 6):
                for architecture in ("", *ARCHITECTURES):
                    Job.objects.filter(pk=row.pk).update(
                        queue=queue, engine=engine, needs_bytes=size, architecture=architecture
                    )
                    row.refresh_from_db()
                    for memory in (None, 5, 6):
                        for runs in ((), (ARCHITECTURES[1],)):
                            asked = ClaimRequest(
                                worker="w", queues=("cpu",), engines=("vllm",), memory_bytes=memory, architectures=runs
                            )
                            said = worker(
                                queues=["cpu"], engines=["vllm"], memory_bytes=memory, architectures=list(runs)
                            )
                            claimable = Job.objects.filter(lease.fits(asked)).exists()
                            need = hosts.Need(queue, engine, size, architecture, 1)
                            assert hosts.can_run(said, need) == claimable, (queue, engine, size, architecture, memory)


SETTINGS_OF = {1: Settings(), 4: Settings(thinking=True)}


@pytest.mark.django_db
@pytest.mark.parametrize("edition", [1, 3, 4, 5, 6])
@pytest.mark.parametrize("needed", [1, 4, 6])
def test_a_job_goes_to_workers_of_an_edition_that_knows_it_and_no_other_is_counted(
    make_submission: Make, worker_token: WorkerToken, needed: int, edition: int
) -> None:
    """By the claim, by the forecast of its end, and by what /status says of jobs that wait in vain."""
    row = make_submission(settings=SETTINGS_OF.get(needed, Settings()))
    if needed == 6:
        Revision.objects.update(base_name="org/base", base_sha="b" * 40)
    asked = ClaimRequest(worker="w", queues=("cpu",), engines=("vllm",), edition=edition)
    introduce(token=worker_token, request=asked)
    able = edition >= needed
    assert Job.objects.annotate(edition=least_edition()).get().edition == needed
    assert status.stuck(hosts.online()) == ({} if able else {NEEDS_NEWER.format(needed, edition): 1})
    assert (row.jobs.get().pk in waiting.forecast().stuck) is not able
    assert (lease.claim(token=worker_token, request=asked) is not None) is able


NEEDS_NEWER = (
    "It needs a worker of edition {} of the contract; the newest of the queue cpu that is online has {}, and has to be "
    "upgraded."
)


@pytest.mark.django_db
def test_a_worker_is_there_until_it_was_silent_for_too_long_or_its_token_ended(worker_token: WorkerToken) -> None:
    introduce(token=worker_token, request=ClaimRequest(worker="w1", queues=("cpu",), engines=("vllm",)))
    assert [one.name for one in hosts.online()] == ["w1"]
    assert hosts.silence() == 3 * HELLO_SECONDS
    for seconds, there in ((hosts.silence() - 5, True), (hosts.silence() + 5, False), (0, True)):
        Worker.objects.update(last_seen_at=Now() - timedelta(seconds=seconds))
        assert bool(hosts.online()) == there
    for change in ({"revoked_at": timezone.now()}, {"revoked_at": None, "expires_at": timezone.now()}):
        WorkerToken.objects.update(**change)
        assert hosts.online() == []


@pytest.mark.parametrize(("size", "said"), [(0, "0.0 GB"), (16 * GB, "16.0 GB"), (1_234 * GB, "1,234 GB")])
def test_sizes_in_words(size: int, said: str) -> None:
    assert hosts.gigabytes(size) == said
