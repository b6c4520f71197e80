"""How the database does the queue's queries that are asked again and again, written down with the date."""

from datetime import date
from pathlib import Path

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from evaluator.contract import ClaimRequest
from leaderboard.actions import lease, ring
from leaderboard.actions.turns import waiting_of
from leaderboard.models import Job, Outbox, Owner, WorkerToken
from leaderboard.queries.submissions import before

FOLDER = Path(__file__).parent / "plans"
REQUEST = ClaimRequest(worker="w0", queues=("cpu",), engines=("vllm",), edition=5)


def queries(token: WorkerToken) -> dict[str, QuerySet[Job] | QuerySet[Outbox]]:
    """By name: what a claim, a heartbeat, the reconciler and a new job ask."""
    owner = Owner.objects.order_by("pk")[0]
    job = Job.everything.filter(state="queued").order_by("-pk")[0]
    running = Job.everything.filter(state="running").order_by("pk")[0]
    return {
        "claim": lease.line(token, REQUEST)[:1],
        "claim-repeated": lease.free().filter(worker=running.worker, state="running", lease_expires_at__gte=Now()),
        "heartbeat": Job.everything.select_for_update(of=("self",))
        .select_related("submission", "worker")
        .filter(pk=running.pk),
        "expire": lease.leases_out(),
        "overtime": lease.over_limit(),
        "ring": Outbox.objects.filter(ring_after__lte=Now()).order_by("ring_after")[: ring.LIMIT],
        "turn-of-owner": waiting_of(owner, "cpu").order_by("-turn")[:1],
        "turn-under-way": Job.everything.filter(queue="cpu", attempt__gt=0).order_by("-turn")[:1],
        "position": before(job),
    }


def write(token: WorkerToken, described: str) -> dict[str, str]:
    """Each plan in a file of its own; returns them by name."""
    FOLDER.mkdir(exist_ok=True)
    plans = {}
    for name, query in queries(token).items():
        with transaction.atomic():  # a plan that is carried out locks rows
            plans[name], sql = query.explain(analyze=True), str(query.query)
        text = f"-- {name}, {date.today()}, {described}\n-- {sql}\n{plans[name]}\n"
        (FOLDER / f"{name}.txt").write_text(text)
    return plans


def sequential(plans: dict[str, str]) -> list[str]:
    """The queries that read a whole large table; the small ones (workers, owners) are read whole by right."""
    large = ("leaderboard_job", "leaderboard_submission", "leaderboard_outbox", "leaderboard_revision")
    return [name for name, plan in plans.items() if any(f"Seq Scan on {table}" in plan for table in large)]
