"""What lm-eval's own model class is asked, and the names of the files: of tests.evaluator.engines.stock. Light."""

import msgspec

ASKED, TABLE = "asked.json", "table.json"


class Asked(msgspec.Struct, frozen=True):
    """`tasks`: name, few-shot examples (None: the task's own) and documents. `order`: None for lm-eval's, else a seed
    for another one of the requests that go to the engine together."""

    model: str
    dtype: str
    longest: int
    tasks: tuple[tuple[str, int | None, int], ...]
    order: int | None = None
