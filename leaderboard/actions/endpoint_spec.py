"""What a worker is told of an endpoint when it claims its job: the only place where an API key leaves the site."""

from django.db.models import Exists, OuterRef, Q

from evaluator.addresses import AddressRefused
from evaluator.contract import ClaimRequest, EndpointSpec, ModelRef
from leaderboard import run_settings
from leaderboard.actions import keys
from leaderboard.actions.spent import spent_of
from leaderboard.models import EndpointUse, Job, WorkerToken
from leaderboard.queries.editions import KEYS_SINCE
from leaderboard.queries.endpoints import allowed, allowed_entries, least, operators_left, price_of, whose
from leaderboard.sealing import SealError

QUEUE = "api"


class Unusable(Exception):
    """This job's endpoint cannot be used (any more): a code for programs and a sentence for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def may_have_keys(token: WorkerToken, request: ClaimRequest) -> bool:
    """Whether a worker may get endpoints, and so keys: of the api class, trusted, and not too old to know them."""
    said = QUEUE in request.queues and "endpoint" in request.engines
    return said and token.trusted and request.edition >= KEYS_SINCE


def givable(token: WorkerToken, request: ClaimRequest) -> Q:
    """The jobs that may be given to it as far as keys go; a job whose key was wiped waits for its owner."""
    # EXISTS, and no join: PostgreSQL takes a joined column that is mostly missing for never missing, expects one row of
    # the whole line, and would sort it for every claim.
    use = EndpointUse.objects.filter(submission=OuterRef("submission"))
    if not may_have_keys(token, request):
        return ~Q(queue=QUEUE) & ~Q(engine="endpoint") & Q(~Exists(use))
    return Q(~Exists(use.filter(key_wiped_at__isnull=False)))


def endpoint_spec(job: Job) -> EndpointSpec | None:
    """The endpoint of a job that is being claimed, None for a model with weights; raises Unusable, and
    msgspec.ValidationError for what this version cannot read."""
    use = EndpointUse.objects.select_related("endpoint__owner__user").filter(submission=job.submission_id).first()
    if use is None:
        return None
    endpoint, owner = use.endpoint, use.endpoint.owner
    try:
        key = keys.opened(use, allowed(owner))
    except SealError as error:
        raise Unusable("key_unreadable", str(error)) from error
    except AddressRefused as error:
        raise Unusable(error.code, error.message) from error
    left = operators_left(endpoint, without=job)
    tokens = least(use.budget_tokens, left.tokens)
    return EndpointSpec(
        base_url=endpoint.base_url,
        protocol=endpoint.protocol,  # type: ignore[arg-type]
        model=endpoint.served,
        api_key=key,
        headers=use.headers,
        sampling=run_settings.sampling_of(job.submission.settings),
        concurrency=use.concurrency,
        price=price_of(use, whose(endpoint.origin, endpoint.served).model),
        budget_tokens=None if tokens is None else int(tokens),
        budget_dollars=least(use.budget_dollars, left.dollars),
        spent=spent_of(job.spent),
        allowed=allowed_entries(owner),
        preflight=job.kind == Job.Kind.PREFLIGHT,
    )


def model_ref(job: Job) -> ModelRef:
    """What is evaluated; of an endpoint that is only looked at, nobody knows the revision yet."""
    revision = job.submission.revision
    if revision is None:
        return ModelRef(name=job.submission.requested_model, sha="")
    base = ModelRef(name=revision.base_name, sha=revision.base_sha) if revision.base_sha else None
    return ModelRef(name=revision.model.name, sha=revision.sha, base=base)
