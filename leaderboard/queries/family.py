"""What a model was made from, what was made from it, and what that gained."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection

from leaderboard.columnar.table import Columns
from leaderboard.models import Model
from leaderboard.queries.standings import Mask, Ranking, rows_named
from leaderboard.statistics.ranks import Z95

DEEPEST = 12
"""How many steps up the tree are followed."""
SHOWN = 10
"""How many of a model's descendants are listed, the best first."""

LINE = """SELECT name, base_model, kind, training, merged FROM (
    WITH RECURSIVE line AS (
        SELECT name, base_model, kind, training, merged, 0 AS depth FROM leaderboard_model WHERE id = %s
        UNION ALL
        SELECT above.name, above.base_model, above.kind, above.training, above.merged, line.depth + 1
        FROM line JOIN leaderboard_model above ON above.name = line.base_model
        WHERE line.base_model <> '' AND line.depth < %s
    )
    SELECT * FROM line
) found ORDER BY depth
"""


@dataclass(frozen=True)
class Relative:
    """A model of the tree. `known`: the catalogue has it. `score` (0-100) is of the family's suite, of the evaluation
    in the same precision where there is one; `gain` is its score minus that of the model it was made from, with `half`
    of its 95 % interval where both errors are known. `made`: how many models of the ranking were made from it."""

    name: str
    kind: str
    way: str
    known: bool = True
    score: float | None = None
    gain: float | None = None
    half: float | None = None
    made: int = 0


@dataclass(frozen=True)
class Family:
    """`above` begins with the oldest known ancestor. `cycle`: following the bases came back to where it was.

    `children` are the best of `made` models in the ranking of `suite`; `unranked` further ones are in the catalogue.
    """

    ranking: Ranking | None
    above: list[Relative]
    own: Relative
    children: list[Relative]
    made: int
    unranked: int
    cycle: bool
    longer: bool

    @property
    def alone(self) -> bool:
        return not (self.above or self.made or self.unranked)

    @property
    def hidden(self) -> int:
        """How many of the ranking are not listed."""
        return self.made - len(self.children)

    @property
    def better(self) -> int:
        """How many of those listed gained."""
        return sum(1 for one in self.children if one.gain is not None and one.gain > 0)


def family_of(model: Model, among: list[Ranking]) -> Family:
    """A model's tree, with scores of the ranking that has most of it. 2 queries."""
    above, cycle, longer = ancestors(model)
    catalogue = Model.objects.filter(base_model=model.name).exclude(pk=model.pk).count()
    names = [model.name, *(one.name for one in above)]
    ranking = max(among, key=lambda one: relatives(one.data, names), default=None)
    if ranking is None or not relatives(ranking.data, names):
        plain = Relative(model.name, model.kind, way_of(model.training, bool(model.merged)))
        return Family(None, above[::-1], plain, [], 0, catalogue, cycle, longer)
    data = ranking.data
    own = best(data, rows_named(data, model.name))
    scored = [score_of(data, one, own) for one in above]
    line = [Relative(model.name, model.kind, way_of(model.training, bool(model.merged)), score=number(data, own))]
    line += scored
    told = [gained(data, one, names[step], names[step + 1 : step + 2], own) for step, one in enumerate(line)]
    children, made = descendants(data, model.name, own)
    return Family(
        ranking=ranking, above=told[:0:-1], own=told[0], children=children, made=made,
        unranked=max(0, catalogue - made), cycle=cycle, longer=longer,
    )  # fmt: skip


def ancestors(model: Model) -> tuple[list[Relative], bool, bool]:
    """The models above, the nearest first; whether they turn in a circle; whether there are more than are followed."""
    with connection.cursor() as cursor:
        cursor.execute(LINE, [model.pk, DEEPEST])
        rows = cursor.fetchall()
    seen = {model.name}
    above: list[Relative] = []
    for name, _, kind, training, merged in rows[1:]:
        if name in seen:
            return above, True, False
        seen.add(name)
        above.append(Relative(name, kind, way_of(training, bool(merged))))
    last = rows[-1][1]
    if last in seen:
        return above, True, False
    if last and len(rows) <= DEEPEST:
        above.append(Relative(last, "open", "", known=False))
    return above, False, bool(last) and len(rows) > DEEPEST


def way_of(training: str, merged: bool) -> str:
    """How a model was made from its base."""
    words = dict(Model.Training.choices)
    return "merge" if merged else str(words.get(training, ""))


def relatives(data: Columns, names: list[str]) -> int:
    """How many rows of a ranking belong to the tree."""
    made = data.choice("base_model")
    code = made.code(names[0])
    below = 0 if code is None else int((made.codes == code).sum())
    return below + int(pc.sum(pc.is_in(data.table["model"], value_set=pa.array(names))).as_py() or 0)


def number(data: Columns, index: int | None) -> float | None:
    value = None if index is None else float(data.number("score")[index])
    return None if value is None or value != value else value


def best(data: Columns, rows: Mask, like: int | None = None) -> int | None:
    """The place of the highest score among `rows`, of those in the precision of the row `like` if there are any."""
    at = np.flatnonzero(rows & ~np.isnan(data.number("score")))
    if like is not None and len(at):
        precision = data.choice("precision").codes
        same = at[precision[at] == precision[like]]
        at = same if len(same) else at
    return int(at[np.argmax(data.number("score")[at])]) if len(at) else None


def score_of(data: Columns, one: Relative, like: int | None) -> Relative:
    return Relative(one.name, one.kind, one.way, one.known, number(data, best(data, rows_named(data, one.name), like)))


def gained(data: Columns, one: Relative, name: str, base: list[str], like: int | None) -> Relative:
    """`one` with what it gained over its base, where both have scores."""
    if not base:
        return one
    mine = best(data, rows_named(data, name), like)
    theirs = best(data, rows_named(data, base[0]), like)
    gain, half = difference(data, mine, theirs)
    return Relative(one.name, one.kind, one.way, one.known, one.score, gain, half)


def difference(data: Columns, mine: int | None, theirs: int | None) -> tuple[float | None, float | None]:
    """The gain in points, and half of its interval: of two independent scores, for their items are not looked at."""
    a, b = number(data, mine), number(data, theirs)
    if mine is None or theirs is None or a is None or b is None:
        return None, None
    errors = data.number("stderr")[[mine, theirs]]
    return a - b, None if np.isnan(errors).any() else float(Z95 * np.hypot(*errors))


def descendants(data: Columns, name: str, own: int | None) -> tuple[list[Relative], int]:
    """The best models that name this one as their base, and how many there are; never the model itself."""
    bases = data.choice("base_model")
    code = bases.code(name)
    if code is None:
        return [], 0
    at = np.flatnonzero((bases.codes == code) & ~rows_named(data, name))
    score, precision = data.number("score"), data.choice("precision").codes
    models = data.table["model"].take(pa.array(at)).to_pylist()
    unlike = precision[at] != precision[own] if own is not None else np.zeros(len(at), dtype=np.bool_)
    # Of each model the row in the same precision, and of those the highest.
    order = np.lexsort((-np.nan_to_num(score[at], nan=-1.0), unlike))
    chosen: dict[str, int] = {}
    for place in order.tolist():
        chosen.setdefault(models[place], int(at[place]))
    ranked = sorted(chosen.items(), key=lambda one: (-(number(data, one[1]) or -1.0), one[0]))
    return [child(data, model, index, own) for model, index in ranked[:SHOWN]], len(chosen)


def child(data: Columns, name: str, index: int, own: int | None) -> Relative:
    gain, half = difference(data, index, own)
    code = data.choice("base_model").code(name)
    made = 0 if code is None else int((data.choice("base_model").codes == code).sum())
    words = {fact: text_of(data, fact, index) for fact in ("kind", "training", "merged")}
    return Relative(
        name=name, kind=words["kind"], way=way_of(words["training"], words["merged"] == "yes"),
        score=number(data, index), gain=gain, half=half, made=made,
    )  # fmt: skip


def text_of(data: Columns, fact: str, index: int) -> str:
    choice = data.choice(fact)
    code = int(choice.codes[index])
    return "" if code < 0 else choice.values[code]
