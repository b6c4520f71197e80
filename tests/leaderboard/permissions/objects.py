"""What there is to get at in the permission matrix, all of it Ada's, and who tries.

A route whose address names something new says here what: `PLACES` by route and parameter. A route that refuses an empty
body before it looks at who asks gets one in `BODIES`.
"""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models.functions import Now
from django.test import Client
from django.urls import URLPattern, reverse

from leaderboard.actions.accounts import create_api_token, create_person, revoke_api_token
from leaderboard.actions.bakeoff_readers import add_reader
from leaderboard.actions.claims import seed_claims
from leaderboard.actions.follow import follow
from leaderboard.actions.keep_workload import make_workload
from leaderboard.actions.organisations import make_organisation
from leaderboard.actions.rank import build_snapshot
from leaderboard.actions.share_bakeoff import share_bakeoff
from leaderboard.actions.validate import accept
from leaderboard.actions.webhooks import add_webhook
from leaderboard.actions.workload_drafts import hold_draft
from leaderboard.models import (
    ApiToken,
    Claim,
    Delivery,
    Membership,
    Owner,
    Submission,
    Suite,
    Usage,
    User,
    Worker,
    WorkerToken,
    WorkloadItems,
)
from leaderboard.pages.private import ACTING
from leaderboard.workloads.upload import Upload
from tests.conftest import WORKER_SECRET
from tests.leaderboard import bakeoffs, endpoints, judgings
from tests.leaderboard.notices import end
from tests.leaderboard.pages import made
from tests.leaderboard.path import pinned

PLACES: dict[str, str] = {
    # parameter, or route.parameter where it means something else there: the attribute of Site that is put in
    "pk": "queued",
    "job": "job",
    "organisation": "model_organisation",
    "name": "model_name",
    "api-model.name": "model",
    "task": "task",
    "suite": "suite_name",
    "version": "suite_version",
    "slug": "suite_slug",
    "first": "first",
    "second": "second",
    "item": "item",
    "dispute.pk": "measured",
    "attempt": "attempt",
    "sequence": "sequence",
    "digest": "digest",
    "samples.pk": "measured",
    "api-samples.pk": "measured",
    "api-items.pk": "measured",
    "api-lm-eval.pk": "measured",
    "api-report.pk": "measured",
    "api-eval-results.pk": "measured",
    "retry.pk": "measured",
    "follow.pk": "measured",
    "api-retry.pk": "measured",
    "resume.pk": "paused",
    "api-resume.pk": "paused",
    "drift.pk": "endpoint",
    "drift-csv.pk": "endpoint",
    "api-drift.pk": "endpoint",
    "webhook-disable.pk": "webhook",
    "api-webhook.pk": "webhook",
    "delivery-again.pk": "delivery",
    "api-redeliver.pk": "delivery",
    "api-workload.pk": "workload",
    "workload": "workload",
    "bakeoff.pk": "bakeoff",
    "bakeoff-items.pk": "bakeoff",
    "bakeoff-switch.pk": "bakeoff",
    "bakeoff-csv.pk": "bakeoff",
    "bakeoff-json.pk": "bakeoff",
    "bakeoff-cancel.pk": "bakeoff",
    "bakeoff-resume.pk": "bakeoff",
    "bakeoff-share.pk": "bakeoff",
    "bakeoff-revoke.pk": "bakeoff",
    "bakeoff-readers.pk": "bakeoff",
    "bakeoff-reader-remove.pk": "bakeoff",
    "bakeoff-read.pk": "bakeoff",
    "api-bakeoff-readers.pk": "bakeoff",
    "api-bakeoff-reader.pk": "bakeoff",
    "person": "reader",
    "bakeoff": "bakeoff",
    "judging-new.pk": "bakeoff",
    "judging.pk": "judging",
    "judging-more.pk": "judging",
    "judging-grade.pk": "judging",
    "judging-csv.pk": "judging",
    "judging-items.pk": "judging",
    "api-judgings.pk": "bakeoff",
    "api-bakeoff.pk": "bakeoff",
    "api-bakeoff-items.pk": "bakeoff",
    "api-bakeoff-switch.pk": "bakeoff",
    "api-bakeoff-cancel.pk": "bakeoff",
    "submission": "run",
    "share": "share",
    "token": "share_token",
    "key": "digest",
    "uidb36": "sequence",
    "provider_id": "provider",
    "token-revoke.pk": "token",
    "staff-worker.pk": "worker",
    "staff-follow.pk": "follow",
    "staff-token.pk": "worker_token",
    "staff-claim.pk": "claim",
    "test": "test",
    "organisation.pk": "organisation",
    "organisation-role.pk": "organisation",
    "organisation-remove.pk": "organisation",
    "workload.pk": "workload",
    "workload-items.pk": "workload",
    "workload-scoring.pk": "workload",
    "workload-delete.pk": "workload",
    "workload-draft.pk": "draft",
    "workload-draft-scoring.pk": "draft",
    "workload-draft-discard.pk": "draft",
}
QUERIES: dict[str, str] = {
    # what is asked for by each route that answers no question without one
    "model-history": "?model={model}",
    "model-scores": "?model={model}",
    "compare-csv": "?m={first}&m={second}",
    "api-compare": "?m={first}&m={second}",
    "api-items": "?task={task}",
    "api-reliability": "?model={model}",
}
ITEMS = [{"prompt": "2 + 2 =", "reference": "4"}, {"prompt": "3 + 3 =", "reference": "6"}]
ITEMS.append({"prompt": "4 + 4 =", "reference": "8"})
UPLOAD = b"question,answer\n2 + 2,4\n3 + 3,6\n"
SUBMISSION = {"suite": "tiny@1", "model": "org/new"}
SAID = {"slug": "reads-more", "text": "It reads more.", "who": "its maker", "at_least": "10", "at_most": "5"}
BODIES: dict[str, dict[str, Any]] = {
    # what is posted by each route; nothing unless it is said here
    "staff-submission": {"act": "cancel", "reason": "asked by mail"},
    "staff-follow": {"reason": "too many revisions"},
    "staff-worker": {"act": "drain", "reason": "new disks"},
    "staff-token": {"reason": "it was lost"},
    "staff-rescore": {"suite": "tiny@1", "reason": "a better filter"},
    "staff-claim-new": SAID,
    "staff-claim": {"act": "withdraw", "reason": "it was misquoted"},
    "staff-state": {"banner": "Closed on Monday.", "reason": "a holiday"},
    "staff-origin": {"origin": "https://api.other.example", "provider": "other", "source": "its documentation"},
    "staff-merge": {"duplicate": "org/ended", "into": "org/other", "reason": "it was renamed"},
    "tokens": {"name": "new", "days": "30"},
    "organisations": {"name": "institute"},
    "organisation": {"username": "grace", "role": "viewer"},
    "organisation-role": {"person": "0", "role": "viewer"},
    "organisation-remove": {"person": "0"},
    "submit": {**SUBMISSION, "engine": "vllm", "dtype": "auto"},
    "api-submissions": SUBMISSION,
    "api-bulk": {"submissions": [SUBMISSION]},
    "dispute": {"reason": "These items were in its training data."},
    "notices": {"url": "https://hooks.example.org/"},
    "api-webhooks": {"url": "https://hooks.example.org/"},
    "api-bakeoffs": {"workload": 0, "models": [{"model": "org/one"}, {"model": "org/two"}]},
    "bakeoff-readers": {"username": "root"},
    "api-bakeoff-readers": {"username": "root"},
    "api-judgings": {"first": 1, "second": 2, "judges": [{"model": "sage/judge"}]},
    "judging-new": {
        "one": "1",
        "other": "2",
        "form": "pairs",
        "rubric": "The right sum.",
        "items": "9",
        "models": "sage/judge",
        "dtype": "auto",
        "begin": "1",
    },
    "judging-more": {"models": "sage/second", "dtype": "auto"},
    "judging-grade": {"number": "0", "choice": "left"},
    "bakeoff-new": {"version": "1", "models": "org/one\norg/two", "dtype": "auto", "margin": "2", "begin": "1"},
    "api-workloads": {"name": "New", "scoring": {"kind": "exact"}, "items": ITEMS},
    "workload-new": {"text": UPLOAD.decode()},
    "workload-draft": {"column-0": "prompt", "column-1": "reference"},
    "workload-draft-scoring": {"kind": "exact", "name": "New", "do": "keep"},
    "workload-items": {"number": "1", "do": "out", "place": "1", "reason": "asks twice"},
    "workload-scoring": {"kind": "number", "do": "keep"},
}
PASSWORD = "correct horse"
KEPT = (Suite, Usage, WorkloadItems)
"""Rows that say whose they were when they were made."""
WEBHOOK = "https://hooks.example.org/ada"


@dataclass
class Site:
    """Keys of what is there, as addresses spell them; and callers by role, of pages and of the API."""

    queued: int
    job: int
    measured: int
    paused: int
    endpoint: int
    webhook: int
    delivery: int
    workload: int
    bakeoff: int
    judging: int
    run: int
    share: int
    share_token: str
    reader: int
    draft: int
    sessions: dict[str, Client]
    tokens: dict[str, Client]
    model_organisation: str = "org"
    model_name: str = "measured"
    model: str = "org/measured"
    task: str = "alpha"
    suite_name: str = "tiny"
    suite_version: str = "1"
    suite_slug: str = "tiny@1"
    first: str = ""
    second: str = ""
    attempt: int = 1
    sequence: int = 0
    digest: str = "0" * 64
    item: str = hashlib.sha256(b"alpha0").hexdigest()
    provider: str = "huggingface"
    test: str = "longer_context"
    token: int = 0
    worker: int = 0
    worker_token: int = 0
    claim: int = 0
    follow: int = 0
    organisation: int = 0

    @classmethod
    def made(cls, make: Callable[..., Any], suite: Suite, worker: WorkerToken, ada: User) -> "Site":
        """One of everything that belongs to `ada`."""
        owner = ada.owner
        first = made.measure(make("org/measured"), worker, [1.0, 0.0] * 15)
        second = made.measure(make("org/other"), worker, [1.0, 1.0] * 15)
        build_snapshot(suite=suite)
        endpoints.generated_suite()
        paused, spec = endpoints.running(owner, worker)
        endpoints.fail(spec, "budget", code="budget", message="The budget is used up.")
        webhook, _ = add_webhook(owner=owner, url=WEBHOOK)
        end(make("org/ended"))
        delivery = Delivery.objects.filter(webhook=webhook).latest("pk")
        Delivery.objects.filter(pk=delivery.pk).update(state=Delivery.State.DEAD)
        version = make_workload(owner=owner, maker=ada, name="Hers", scoring={"kind": "exact"}, items=ITEMS)
        bakeoff = bakeoffs.begun(version, "org/one", "org/two")
        for row in Submission.everything.filter(bakeoff_entries__bakeoff=bakeoff):
            accept(row, pinned(row.requested_model))
        runs = bakeoffs.worked(worker, lambda model, number: "4" if model == "org/one" else str(number))
        judging = judgings.begun(bakeoff)
        share, share_token = share_bakeoff(owner=owner, bakeoff=bakeoff.pk, days=3)
        create_person(username="lin", password=None)
        reader = add_reader(owner=owner, by=ada, bakeoff=bakeoff.pk, username="lin").user_id
        read = Upload(io.BytesIO(UPLOAD)).read()
        draft = hold_draft(owner=owner, workload=None, source=io.BytesIO(UPLOAD), size=len(UPLOAD), upload=read)
        queued = make("org/queued")
        sessions, tokens = callers(ada)
        seed_claims()
        laboratory = make_organisation(name="laboratory", user=ada)
        followed = follow(submission=second.pk, owner=owner, by=ada)
        return cls(
            queued=queued.pk, job=queued.jobs.get().pk, measured=first.pk, paused=paused.pk,
            endpoint=paused.use.endpoint_id, webhook=webhook.pk, delivery=delivery.pk, workload=version.workload_id,
            draft=draft.pk, organisation=laboratory.pk, claim=Claim.objects.latest("pk").pk,
            worker=Worker.objects.latest("pk").pk, worker_token=worker.pk, token=ApiToken.objects.get(name="owner").pk,
            sessions=sessions, tokens=tokens, first=f"s{first.pk}", second=f"s{second.pk}",
            bakeoff=bakeoff.pk, judging=judging.pk, run=runs[0].pk, share=share.pk, share_token=share_token,
            reader=reader, follow=followed.pk,
        )  # fmt: skip

    def hand_over(self, ada: User) -> None:
        """All that is Ada's becomes the laboratory's, whose owner she is, with a member and a viewer who act for it."""
        laboratory = Owner.objects.get(pk=self.organisation)
        for model in apps.get_models():
            fields = {field.name: field for field in model._meta.fields}
            if "owner" in fields and fields["owner"].related_model is Owner and model not in KEPT:
                model._default_manager.filter(owner=ada.owner).update(owner=laboratory)
        for role in (Membership.Role.MEMBER, Membership.Role.VIEWER):
            user = create_person(username=f"{role} of it", password=PASSWORD)
            Membership.objects.create(organisation=laboratory, user=user, role=role)
            self.sessions[role] = anybody()
            self.sessions[role].force_login(user)
            act_for(self.sessions[role], laboratory)
            scopes = [] if role == Membership.Role.VIEWER else None
            self.tokens[role] = bearing(create_api_token(owner=laboratory, user=user, name=role, scopes=scopes))
        act_for(self.sessions["owner"], laboratory)
        self.tokens["owner"] = bearing(create_api_token(owner=laboratory, user=ada, name="hers"))

    def address(self, route: URLPattern) -> str:
        """Where the route is, for what is there; raises KeyError for a parameter that PLACES does not know."""
        assert route.name
        named = {
            name: getattr(self, PLACES.get(f"{route.name}.{name}") or PLACES[name]) for name in route.pattern.converters
        }
        return reverse(route.name, kwargs=named)

    def query(self, route: str) -> str:
        return QUERIES.get(route, "").format(**vars(self))


def callers(ada: User) -> tuple[dict[str, Client], dict[str, Client]]:
    """By role: how somebody comes to a page (a session), and to the API (a token)."""
    ada.set_password(PASSWORD)
    ada.save(update_fields=["password"])
    people = {
        "other": create_person(username="grace", password=PASSWORD),
        "owner": ada,
        "staff": create_person(username="root", password=PASSWORD, staff=True),
    }
    sessions, tokens = {"nobody": anybody()}, {"nobody": anybody()}
    for role, user in people.items():
        sessions[role] = anybody()
        sessions[role].force_login(user)
        tokens[role] = bearing(create_api_token(owner=user.owner, user=user, name=role))
    worker = bearing(WORKER_SECRET)
    for ways in (sessions, tokens):
        ways |= {"worker": worker, "ended": bearing(ended(ada.owner, ada, revoked=True))}
        ways["expired"] = bearing(ended(ada.owner, ada, revoked=False))
    return sessions, tokens


def act_for(client: Client, organisation: Owner) -> None:
    session = client.session
    session[ACTING] = organisation.pk
    session.save()


def anybody(**headers: str) -> Client:
    return Client(raise_request_exception=False, headers=headers)


def bearing(token: str) -> Client:
    return anybody(authorization=f"Bearer {token}")


def ended(owner: Owner, user: User, *, revoked: bool) -> str:
    """A token of Ada's that was revoked, or whose time is over."""
    token = create_api_token(owner=owner, user=user, name="ended")
    row = ApiToken.objects.latest("pk")
    if revoked:
        revoke_api_token(token=row)
    else:
        ApiToken.objects.filter(pk=row.pk).update(expires_at=Now())
    return token
