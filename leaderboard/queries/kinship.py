"""What a judge has in common with a model that it judges: judges prefer what is their own.

Panickssery, Bowman and Feng 2024 (arXiv 2404.13076) find that models favour what they recognise as theirs; so the same
model, its family, and what answers behind the same address are named. Names can only be compared as they are spelled:
what is hidden behind an address that nobody vouches for may be anything.
"""

import re
from dataclasses import dataclass

from leaderboard.models import Model, Submission
from leaderboard.queries.endpoints import whose

ENDINGS = re.compile(
    r"[-_.:@](?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|latest|preview|gguf|awq|gptq|int4|int8|fp8|fp16|bf16|4bit|8bit|"
    r"q\d(?:_[a-z0-9]+)*|degraded)$"
)
"""Of a name: a date, a release, a precision. What is before them is the model's own name."""
ITSELF = "would judge itself"


@dataclass(frozen=True)
class Identity:
    """A model as far as names tell: `name` as it is shown, `stem` its own name, `house` whose it is."""

    name: str
    stem: str
    house: str
    origin: str = ""
    roots: frozenset[str] = frozenset()


def of_weights(name: str) -> Identity:
    house = name.partition("/")[0].casefold()
    return Identity(name, stem(name), house, "", roots(name))


def of_endpoint(origin: str, served: str) -> Identity:
    found = whose(origin, served)
    plain = served.removeprefix("models/")
    house = found.name.partition("/")[0] if found.verified else plain.partition("/")[0] if "/" in plain else ""
    return Identity(found.name, stem(plain), house.casefold(), origin, roots(plain if "/" in plain else found.name))


def of_submission(row: Submission) -> Identity:
    use = getattr(row, "use", None)
    if use is not None:
        return of_endpoint(use.endpoint.origin, use.endpoint.served)
    return of_weights(row.requested_model)


def stem(name: str) -> str:
    """The name without its organisation, and without dates and precisions at its end."""
    found, before = name.rpartition("/")[2].casefold(), ""
    while found != before:
        before, found = found, ENDINGS.sub("", found)
    return found


def roots(name: str) -> frozenset[str]:
    """The model and those that the catalogue says it was made from, at most ten of them."""
    found = [name.casefold()]
    row = Model.everything.filter(name__iexact=name).first()
    while row is not None and row.base_model and row.base_model.casefold() not in found and len(found) < 10:
        found.append(row.base_model.casefold())
        row = Model.everything.filter(name__iexact=row.base_model).first()
    return frozenset(found)


def kinship(judge: Identity, judged: Identity) -> str:
    """Why the judge may favour it, in a sentence; "" where nothing is known that would say so."""
    if judge.stem == judged.stem:
        return f"{judge.name} {ITSELF}: {judged.name} is the same model, by its name."
    if judge.roots & judged.roots:
        return f"{judge.name} and {judged.name} were made from the same model, by the catalogue."
    if judge.origin and judge.origin == judged.origin:
        return f"{judge.name} and {judged.name} answer at the same address."
    if judge.house and judge.house == judged.house:
        return f"{judge.name} and {judged.name} are of the same house, {judge.house}."
    return ""
