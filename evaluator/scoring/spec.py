"""The ways of scoring, each with its options, as they are stored and sent. `check` says what is wrong with one."""

import math
from typing import Annotated, Any, Literal

import msgspec

from evaluator.scoring import objects, patterns

Text = Annotated[str, msgspec.Meta(max_length=patterns.LONGEST)]
Share = Annotated[float, msgspec.Meta(ge=0)]


class BadScoring(ValueError):
    """A way of scoring that cannot be; `field` names the option."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


class Scoring(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True, kw_only=True):
    """`extract`: a pattern whose first group (or all of it) is the answer in what a model says; "": all of it is."""

    extract: Text = ""


class Exact(Scoring, frozen=True, tag="exact", kw_only=True):
    """Equal to a reference; of both is left out what is ignored."""

    ignore_case: bool = True
    ignore_space: bool = True
    ignore_punctuation: bool = False
    ignore_articles: bool = False


class Contains(Scoring, frozen=True, tag="contains", kw_only=True):
    """Holds a reference, or with `all` every one of them."""

    ignore_case: bool = True
    all: bool = False


class Matches(Scoring, frozen=True, tag="regex", kw_only=True):
    """Matches a pattern somewhere. It needs no reference; with `each` every item's references are its patterns."""

    pattern: Text = ""
    each: bool = False


class Number(Scoring, frozen=True, tag="number", kw_only=True):
    """Its last number is a reference's, give or take `absolute` or `relative` (a share)."""

    absolute: Share = 0.0
    relative: Share = 0.0


class Json(Scoring, frozen=True, tag="json", kw_only=True):
    """Is JSON, as `schema` says where there is one, with the reference's `fields`: the share of them that are equal.

    Without fields, a reference (JSON too) is compared as a whole; without references the schema alone decides.
    """

    schema: dict[str, Any] | None = None
    fields: Annotated[tuple[Text, ...], msgspec.Meta(max_length=100)] = ()


class Choice(Scoring, frozen=True, tag="choice", kw_only=True):
    """Names the right one of an item's choices, by its text or its letter."""


class Rouge(Scoring, frozen=True, tag="rouge", kw_only=True):
    """Has words in common with a reference, the likest one: a fraction."""

    variant: Literal["rouge1", "rouge2", "rougeL"] = "rougeL"


class Chrf(Scoring, frozen=True, tag="chrf", kw_only=True):
    """Has runs of characters in common with a reference, the likest one: a fraction."""


class ToolCalls(Scoring, frozen=True, tag="tool_calls", kw_only=True):
    """Calls the tools that a reference calls (`evaluator.scoring.calls`): right or wrong as a whole.

    `arguments`: "equal", "given" (those of the reference; there may be more) or "any" (only names count), without those
    that are ignored. A reference `[]` wants no call.
    """

    arguments: Literal["equal", "given", "any"] = "equal"
    ordered: bool = False
    ignore: Annotated[tuple[Text, ...], msgspec.Meta(max_length=100)] = ()


class UnitTests(Scoring, frozen=True, tag="unit_tests", kw_only=True):
    """Is Python that passes an item's references, which are its tests. A worker runs it where nothing gets out
    (`evaluator.sandbox`); a host without such a place measures nothing."""


class Judge(Scoring, frozen=True, tag="judge", kw_only=True):
    """Has no score of its own: judge models compare answers by `rubric` ("": the usual one) once they are there. Until
    then an answer counts where there is one at all."""

    rubric: Annotated[str, msgspec.Meta(max_length=4_000)] = ""


Any_ = Exact | Contains | Matches | Number | Json | Choice | Rouge | Chrf | ToolCalls | UnitTests | Judge
KINDS: dict[str, type[Scoring]] = {
    "exact": Exact, "contains": Contains, "regex": Matches, "number": Number, "json": Json, "choice": Choice,
    "rouge": Rouge, "chrf": Chrf, "tool_calls": ToolCalls, "unit_tests": UnitTests,
    "judge": Judge,
}  # fmt: skip


def scoring_of(value: Any) -> Any_:
    """The way that stored or sent JSON says; raises BadScoring."""
    if isinstance(value, dict) and value.get("kind") not in KINDS:
        raise BadScoring("kind", f"A way of scoring is one of {', '.join(KINDS)}, not {str(value.get('kind'))[:40]!r}.")
    try:
        found: Any_ = msgspec.convert(value, Any_)
    except msgspec.ValidationError as error:
        words, _, path = str(error).partition(" - at `$.")
        unknown = words.split("`")[1] if words.startswith("Object contains unknown field") else ""
        raise BadScoring(path.rstrip("`") or unknown or "kind", f"{words}.") from None
    check(found)
    return found


def check(scoring: Any_) -> None:
    """Raise BadScoring for a pattern, schema or number that cannot be."""
    for field in ("extract", "pattern"):
        text = getattr(scoring, field, "")
        if text:
            check_pattern(field, text)
    if isinstance(scoring, Matches) and bool(scoring.pattern) == scoring.each:
        raise BadScoring(
            "pattern", "Give a pattern for all items, or say that each item's references are its patterns."
        )
    if isinstance(scoring, Number) and not (math.isfinite(scoring.absolute) and math.isfinite(scoring.relative)):
        raise BadScoring("absolute", "A tolerance is a finite number.")
    if isinstance(scoring, Json) and scoring.schema is not None:
        try:
            objects.held_to(scoring.schema)
        except objects.BadSchema as error:
            raise BadScoring("schema", str(error)) from None


def check_pattern(field: str, text: str) -> None:
    try:
        patterns.check(text)
    except patterns.BadPattern as error:
        raise BadScoring(field, str(error)) from None


def needs_reference(scoring: Any_) -> bool:
    """Whether an item without a reference cannot be scored so."""
    if isinstance(scoring, Matches):
        return scoring.each
    if isinstance(scoring, Judge):
        return False
    return not isinstance(scoring, Json) or bool(scoring.fields) or scoring.schema is None
