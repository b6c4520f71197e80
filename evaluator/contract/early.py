"""What a worker shows before it has measured everything, of jobs that end once they are decided."""

from evaluator.contract.base import Count, Wire


class EarlyScores(Wire, frozen=True):
    """The scores of a task's first items, in its order, as fractions."""

    attempt: Count
    scores: tuple[float, ...]


class EarlyReply(Wire, frozen=True):
    """`enough`: the worker asks nothing more, and posts what it has as the result."""

    enough: bool
