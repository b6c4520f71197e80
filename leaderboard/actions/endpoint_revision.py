"""What an endpoint's evaluation is of: a revision made of what is known from outside."""

import hashlib

from evaluator.contract import Preflight, canonical_json
from leaderboard.actions.text import storable
from leaderboard.models import Endpoint, Model, Revision
from leaderboard.queries.endpoints import Whose


def record_endpoint_revision(
    *, endpoint: Endpoint, identity: Whose, found: Preflight, private: bool = False
) -> Revision:
    """The catalogue's rows for an endpoint that was looked at. Runs in the caller's transaction.

    Two looks are of the same revision when origin, served name and fingerprint are equal. `private`: for a workload, so
    that rows which are new stay hidden.
    """
    model = model_of(identity, private=private)
    fingerprint = str(storable(found.fingerprint))[:200]
    facts = {
        "source": Revision.Source.ENDPOINT,
        "origin": endpoint.origin,
        "served": endpoint.served,
        "fingerprint": fingerprint,
        "context_length": found.context_length,
        "chat_template": endpoint.protocol != "openai-completions",
    }
    revision, _ = Revision.everything.update_or_create(
        model=model,
        sha=sha_of(endpoint.origin, endpoint.served, fingerprint),
        defaults=facts if private else {**facts, "hidden": False},
        create_defaults={**facts, "hidden": private},
    )
    return revision


def model_of(identity: Whose, *, private: bool = False) -> Model:
    """The catalogue's row, which is made where there is none."""
    if identity.model is not None:
        return identity.model
    facts = {"kind": Model.Kind.PROPRIETARY, "modalities": ["text"], "hidden": private}
    model, _ = Model.everything.get_or_create(name=identity.name[:200], defaults=facts)
    if model.hidden and not private:
        Model.everything.filter(pk=model.pk).update(hidden=False)
    return model


def sha_of(origin: str, served: str, fingerprint: str) -> str:
    """40 hex digits, like every revision's."""
    return hashlib.sha256(canonical_json([origin, served, fingerprint])).hexdigest()[:40]
