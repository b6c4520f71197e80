"""The table of evaluator/engines/README.md: which family runs in which engine here."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from tests.environment import ROOT
from tests.evaluator.engines.families import FAMILIES

README = ROOT / "evaluator" / "engines" / "README.md"


@dataclass(frozen=True)
class Row:
    """A row of the table: "yes", or why not, in words that the engine's log has."""

    title: str
    architecture: str
    vllm: str
    transformers: str

    @property
    def engine(self) -> str:
        """The engine that runs it: vLLM where it can."""
        return "vllm" if self.vllm == "yes" else "transformers"


def table() -> dict[str, Row]:
    """By the families' names here."""
    lines = README.read_text().partition("| family |")[2].partition("\n\n")[0].splitlines()
    rows = [Row(*(cell.strip() for cell in line.strip("|").split(" | "))) for line in lines[2:]]
    names = {family.title: name for name, family in FAMILIES.items()}
    return {names[row.title]: row for row in rows}


TABLE = table()


def chosen(few: Sequence[str]) -> tuple[str, ...]:
    """The families that tests ask: these few, or those of PARITY_FAMILIES: "all", or names with commas between."""
    names = os.environ.get("PARITY_FAMILIES", "")
    return tuple(TABLE) if names == "all" else tuple(names.split(",")) if names else tuple(few)
