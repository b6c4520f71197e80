"""The facts that a row of the board has beside its scores, in the order in which pages list them."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["choice", "number", "flag", "date"]
"""choice: one of a few texts (or none). number: float64, NaN where unknown. flag: yes, no or unknown. date: days since
1970-01-01 as a number."""


@dataclass(frozen=True)
class Fact:
    """One fact. `facet`: readers filter by its values and see how many rows have each. `aliases`: other names for it in
    a search. `unit` divides a number for people: 1e9 for sizes, so that `size:<10` means ten billion."""

    name: str
    title: str
    kind: Kind
    facet: bool = False
    aliases: tuple[str, ...] = ()
    unit: float = 1.0


FACTS = (
    Fact("kind", "Weights", "choice", True),
    Fact("size_class", "Size", "choice", True),
    Fact("licence_family", "Licence family", "choice", True),
    Fact("licence", "Licence", "choice", True, ("license",)),
    Fact("training", "Training", "choice", True, ("type",)),
    Fact("precision", "Precision", "choice", True),
    Fact("architecture", "Architecture", "choice", True, ("arch",)),
    Fact("modalities", "Modalities", "choice", True, ("modality",)),
    Fact("base_model", "Base model", "choice", True, ("base",)),
    Fact("adapter_on", "Adapter on", "choice", aliases=("adapter", "lora")),
    Fact("organisation", "Organisation", "choice", True, ("org",)),
    Fact("verified", "Measured here", "flag", True),
    Fact("official", "Official provider", "flag", True),
    Fact("chat_template", "Chat template", "flag", True, ("chat",)),
    Fact("mixture", "Mixture of experts", "flag", True, ("moe",)),
    Fact("merged", "Merged", "flag", True),
    Fact("flagged", "Flagged", "flag", True),
    Fact("parameters", "Parameters", "number", aliases=("size", "params"), unit=1e9),
    Fact("active_parameters", "Active parameters", "number", aliases=("active",), unit=1e9),
    Fact("context_length", "Context", "number", aliases=("context",), unit=1e3),
    Fact("input_price", "Dollars for a million input tokens", "number", aliases=("price",)),
    Fact("output_price", "Dollars for a million output tokens", "number"),
    Fact("likes", "Likes", "number"),
    Fact("released_on", "Released", "date", aliases=("released",)),
    Fact("evaluated_on", "Evaluated", "date", aliases=("evaluated",)),
)

FACETS = tuple(fact for fact in FACTS if fact.facet)
BY_NAME = {name: fact for fact in FACTS for name in (fact.name, *fact.aliases)}

SIZE_CLASSES = (
    (1e9, "under 1 B"),
    (4e9, "1-4 B"),
    (10e9, "4-10 B"),
    (20e9, "10-20 B"),
    (40e9, "20-40 B"),
    (80e9, "40-80 B"),
    (float("inf"), "80 B and more"),
)
"""Upper bounds in parameters."""


def size_class(parameters: float | None) -> str | None:
    """The class of a model's size; None when nobody knows it."""
    if parameters is None or not parameters > 0:
        return None
    return next(title for limit, title in SIZE_CLASSES if parameters < limit)
