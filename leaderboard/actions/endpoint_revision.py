"""What an endpoint's evaluation is of: a revision made of what is known from outside."""

import hashlib

from evaluator.contract import Preflight, canonical_json
from leaderboard.actions.text import storable
from leaderboard.models import Endpoint, Model, Revision
from leaderboard.queries.endpoints import Whose


def record_endpoint_revision(*, endpoint: Endpoint, identity: Whose, found: Preflight) -> Revision:
    """The catalogue's rows for an endpoint that was looked at. Runs in the caller's transaction.

    Two looks are of the same revision when origin, served name and fingerprint are equal.
    """
    model = model_of(identity)
    fingerprint = str(storable(found.fingerprint))[:200]
    revision, _ = Revision.objects.update_or_create(
        model=model,
        sha=sha_of(endpoint.origin, endpoint.served, fingerprint),
        defaults={
            "source": Revision.Source.ENDPOINT,
            "origin": endpoint.origin,
            "served": endpoint.served,
            "fingerprint": fingerprint,
            "context_length": found.context_length,
            "chat_template": endpoint.protocol != "openai-completions",
        },
    )
    return revision


def model_of(identity: Whose) -> Model:
    """The catalogue's row, which is made where there is none."""
    if identity.model is not None:
        return identity.model
    facts = {"kind": Model.Kind.PROPRIETARY, "modalities": ["text"]}
    model, _ = Model.objects.get_or_create(name=identity.name[:200], defaults=facts)
    return model


def sha_of(origin: str, served: str, fingerprint: str) -> str:
    """40 hex digits, like every revision's."""
    return hashlib.sha256(canonical_json([origin, served, fingerprint])).hexdigest()[:40]
