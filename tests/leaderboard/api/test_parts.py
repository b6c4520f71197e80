"""Responses that one host leaves at the site and another goes on from, by the worker's own code on both sides."""

import gzip
import hashlib
import logging
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from django.test import Client
from django.utils import timezone
from msgspec.structs import replace
from pytest_django import Settings as DjangoSettings

from evaluator import handover, journal, run
from evaluator.client import LeaseLost, Site, SiteError
from evaluator.contract import ClaimRequest, JobSpec
from evaluator.handover import Leaving, adopt_parts
from evaluator.journal import Journal
from leaderboard.actions import lease
from leaderboard.actions.accounts import register_worker_token
from leaderboard.actions.parts import forget_parts
from leaderboard.actions.purge import purge
from leaderboard.models import Job, ResponsePart, Submission, WorkerToken
from tests.conftest import WORKER_SECRET
from tests.evaluator.test_client import JOB
from tests.leaderboard.pages import made

pytestmark = pytest.mark.django_db
IDENTITY = {"revision": "a" * 40, "dtype": "float32"}
ANSWERS = {f"key {number}": [-number / 7, number % 2 == 0] for number in range(20)}


class Host:
    """A worker's machine: its token, and its folder with journals and a run."""

    def __init__(self, folder: Path, secret: str, drop: int = 0) -> None:
        self.run, self.journals, self.drop = folder / "run", folder / "responses", drop
        self.run.mkdir(parents=True)
        client = Client(headers={"authorization": f"Bearer {secret}"})

        def answer(request: httpx.Request) -> httpx.Response:
            named = {name: value for name, value in request.headers.items() if name.startswith("parity-")}
            reply = client.generic(
                request.method, request.url.raw_path.decode(), request.content,
                content_type=request.headers.get("content-type", ""), headers=named,
            )  # fmt: skip
            if self.drop:  # the site has done it, and nobody hears of it
                self.drop -= 1
                raise httpx.ReadError("dropped")
            return httpx.Response(reply.status_code, content=reply.content)

        http = httpx.Client(base_url="http://site/api/worker/v1/", transport=httpx.MockTransport(answer))
        self.site = Site(http, sleep=lambda _: None)

    def claim(self, name: str = "w") -> JobSpec:
        job = self.site.claim(ClaimRequest(worker=name, queues=("cpu",), engines=("vllm",)))
        assert job is not None
        return job

    def measures(self, answers: dict[str, object]) -> None:
        """A child has had these answers."""
        kept = Journal(self.journals, IDENTITY)
        if run.read_responses(self.run) is None:
            run.write(self.run, run.RESPONSES, run.Responses(name=kept.path.name, begin=kept.begin))
        kept.record(answers.items())
        kept.close()

    def knows(self) -> dict[str, object]:
        return journal.read(self.journals / f"{journal.digest(IDENTITY)}{journal.SUFFIX}")[0]

    def leaving(self, job: JobSpec) -> Leaving:
        return Leaving(self.site, job, self.run, self.journals, 60.0)


def some(first: int, last: int) -> dict[str, object]:
    return {f"key {number}": ANSWERS[f"key {number}"] for number in range(first, last)}


def lost() -> None:
    """The worker died, and its lease ran out."""
    Job.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert lease.expire_leases() == 1
    Job.objects.update(not_before=timezone.now() - timedelta(seconds=1))


@pytest.fixture
def hosts(make_submission: made.Make, worker_token: WorkerToken, files: Path, tmp_path: Path) -> tuple[Host, Host]:
    """Two machines, and a job to be done."""
    make_submission()
    return Host(tmp_path / "here", WORKER_SECRET), Host(tmp_path / "there", WORKER_SECRET)


def nothing() -> None:
    """Nobody wants the work to stop."""


def test_another_host_goes_on_from_what_was_left(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    here.measures(some(0, 3))  # by an earlier job: of no concern to this one
    (here.run / run.RESPONSES).unlink()
    job = here.claim()
    assert adopt_parts(here.site, job, here.journals, nothing) == 0
    leaving = here.leaving(job)
    leaving.leave()  # the engine is still loading
    here.measures(some(3, 8))
    leaving.leave()
    leaving.leave()
    here.measures(some(8, 12))
    leaving.leave()
    assert list(ResponsePart.objects.values_list("attempt", "sequence")) == [(1, 0), (1, 1)]
    lost()
    again = there.claim("other")
    assert adopt_parts(there.site, again, there.journals, nothing) == 9
    assert there.knows() == some(3, 12)
    assert adopt_parts(there.site, again, there.journals, nothing) == 0, "what is there is not written again"
    there.measures(some(12, 20))
    there.leaving(again).leave()
    lost()
    last = here.claim()
    assert adopt_parts(here.site, last, here.journals, nothing) == 8
    assert here.knows() == ANSWERS


def test_what_came_last_goes_when_the_worker_is_stopped(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    job = here.claim()
    here.measures(some(0, 5))
    here.leaving(job).__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    with here.leaving(job):
        here.measures(some(5, 6))  # an attempt that ends well has results
    lost()
    adopt_parts(there.site, there.claim(), there.journals, nothing)
    assert there.knows() == some(0, 5)


def test_parts_hold_whole_lines_whatever_their_size(hosts: tuple[Host, Host], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "PART_BYTES", 300)
    here, there = hosts
    job = here.claim()
    here.measures({**some(0, 10), "long": "x" * 1000, **some(10, 12)})
    path = next(here.journals.iterdir())
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])  # the last line is just being written
    leaving = here.leaving(job)
    leaving.leave()
    path.write_bytes(whole)
    parts = ResponsePart.objects.count()
    assert parts > 3
    leaving.leave()
    assert ResponsePart.objects.count() == parts + 1
    lost()
    assert adopt_parts(there.site, there.claim(), there.journals, nothing) == 13


def test_a_part_whose_answer_is_lost_is_sent_again_as_it_was(hosts: tuple[Host, Host]) -> None:
    here, _ = hosts
    job = here.claim()
    leaving = here.leaving(job)
    here.measures(some(0, 2))
    here.drop = 1
    leaving.leave()
    here.measures(some(2, 4))
    leaving.leave()
    assert list(ResponsePart.objects.values_list("sequence", flat=True)) == [0, 1]


def test_a_damaged_part_is_left_out_and_said(hosts: tuple[Host, Host], caplog: pytest.LogCaptureFixture) -> None:
    here, there = hosts
    job = here.claim()
    leaving = here.leaving(job)
    for first in (0, 2):
        here.measures(some(first, first + 2))
        leaving.leave()
    stored = [Path(one) for one in sorted(ResponsePart.objects.values_list("path", flat=True))]
    for at, what in ((0, b"damaged"),):
        path = here.run.parent.parent / "files" / stored[at]
        path.write_bytes(what)
    lost()
    with caplog.at_level(logging.WARNING):
        assert adopt_parts(there.site, there.claim(), there.journals, nothing) == 2
    assert there.knows() == some(2, 4)
    assert "part 0 of attempt 1" in caplog.text and "arrived damaged" in caplog.text


@pytest.mark.parametrize(
    "body",
    [b"no gzip", gzip.compress(b"no line\n", mtime=0), gzip.compress(b"0" * 40 * 2**20, mtime=0)[:-9]],
    ids=["no gzip", "no line", "cut, and too long"],
)
def test_what_is_no_journal_changes_nothing(hosts: tuple[Host, Host], body: bytes) -> None:
    here, there = hosts
    job = here.claim()
    here.site.leave_part(job, "b" * 64, 0, body)
    here.measures(some(0, 2))
    lost()
    assert adopt_parts(there.site, there.claim(), there.journals, nothing) == 0


def test_what_an_untrusted_worker_measured_is_not_taken_for_anothers(hosts: tuple[Host, Host], tmp_path: Path) -> None:
    _, trusted = hosts
    register_worker_token(name="guest", token="guest-secret", trusted=False)
    guest = Host(tmp_path / "guest", "guest-secret")
    job = guest.claim()
    guest.measures(some(0, 5))
    guest.leaving(job).leave()
    lost()
    again = trusted.claim()
    assert adopt_parts(trusted.site, again, trusted.journals, nothing) == 0
    with pytest.raises(SiteError, match="no such part"):
        trusted.site._call("GET", f"jobs/{again.job}/attempts/1/parts/0/", job=again)
    trusted.measures(some(5, 7))
    trusted.leaving(again).leave()
    lost()
    own = Host(tmp_path / "own", "guest-secret")
    assert adopt_parts(own.site, own.claim(), own.journals, nothing) == 7


def test_who_has_lost_the_job_leaves_and_reads_nothing(hosts: tuple[Host, Host]) -> None:
    here, there = hosts
    old = here.claim()
    here.measures(some(0, 2))
    lost()
    there.claim()
    leaving = here.leaving(old)
    leaving.leave()
    assert not ResponsePart.objects.exists()
    calls: list[Callable[[], object]] = [
        lambda: here.site.leave_part(old, "b" * 64, 0, b""), lambda: here.site.parts(replace(old, attempt=2))
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(LeaseLost):
            call()


def test_what_does_not_fit_is_refused(hosts: tuple[Host, Host], settings: DjangoSettings) -> None:
    here, _ = hosts
    job = here.claim()
    with pytest.raises(SiteError, match="64 hexadecimal digits"):
        here.site.leave_part(job, "../../etc/passwd", 0, b"")
    with pytest.raises(SiteError, match="below 2,147,483,648"):
        here.site.leave_part(job, "b" * 64, 2**31, b"")
    here.site.leave_part(job, "b" * 64, 0, b"one")
    here.site.leave_part(job, "b" * 64, 0, b"one")
    for identity, body in (("b" * 64, b"other"), ("c" * 64, b"one")):
        with pytest.raises(LeaseLost, match="already left with other content"):
            here.site.leave_part(job, identity, 0, body)
    damaged = {"Parity-Chunk-Digest": "d" * 64, "Parity-Journal": "b" * 64, "Parity-Attempt-Token": job.token}
    path = f"jobs/{job.job}/attempts/1/parts/1/"
    assert here.site.http.put(path, content=b"two", headers=damaged).json()["code"] == "digest_mismatch"
    settings.PARTS_LIMIT = 5
    here.measures(some(0, 2))
    leaving = here.leaving(job)
    leaving._sequence = 1
    leaving.leave()
    assert not leaving._open, "the site takes no more of them"
    assert ResponsePart.objects.count() == 1


def test_a_site_from_before_is_asked_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    asked: list[str] = []

    def old(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(404)

    site = Site(httpx.Client(base_url="http://site/", transport=httpx.MockTransport(old)), sleep=lambda _: None)
    host = Host(tmp_path / "host", "unused")
    host.measures(some(0, 2))
    job = replace(JOB, attempt=2)
    assert adopt_parts(site, job, host.journals, nothing) == 0
    leaving = Leaving(site, job, host.run, host.journals, 60.0)
    leaving.leave()
    leaving.leave()
    assert len(asked) == 2
    assert "WARNING" not in caplog.text


def test_the_site_forgets_them(hosts: tuple[Host, Host], files: Path, make_submission: made.Make) -> None:
    here, _ = hosts
    job = here.claim()
    here.measures(some(0, 2))
    here.leaving(job).leave()
    assert forget_parts() == 0, "the job still runs"
    lost()
    assert forget_parts() == 0, "the job waits"
    Job.objects.update(state="cancelled")
    (part,) = files.rglob("*.gz")
    assert hashlib.sha256(part.read_bytes()).hexdigest() == ResponsePart.objects.get().digest
    assert forget_parts() == 1
    assert not part.exists() and not ResponsePart.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_purge_takes_them_along(hosts: tuple[Host, Host], files: Path) -> None:
    here, _ = hosts
    job = here.claim()
    here.measures(some(0, 2))
    here.leaving(job).leave()
    Job.objects.update(state="cancelled", lease_expires_at=None)
    Submission.objects.update(state="cancelled", finished_at=timezone.now())
    purge(submission=Submission.objects.get().pk, actor="tester", reason="a test")
    assert not ResponsePart.objects.exists()
    assert [path for path in files.rglob("*") if path.is_file()] == []
