"""Small tables in the form of the Open LLM Leaderboard v2."""

import csv
import io
from pathlib import Path
from typing import Any

from leaderboard.imports.open_llm_leaderboard import AVERAGE, SUITE

ROW = {
    "fullname": "org/model", "Precision": "bfloat16", "Model sha": "a" * 40,
    "Type": "🔶 fine-tuned on domain-specific datasets",
    "Weight type": "Original", "Architecture": "LlamaForCausalLM", AVERAGE: "30.0", "Hub License": "mit", "Hub ❤️": "3",
    "#Params (B)": "7.242", "Available on the hub": "True", "MoE": "False", "Flagged": "False", "Merged": "False",
    "Official Providers": "True", "Chat Template": "True", "CO₂ cost (kg)": "0.5", "Upload To Hub Date": "2024-04-13",
    "Submission Date": "2024-08-05", "Generation": "0", "Base Model": "org/base",
    **{task.title: "30.0" for task in SUITE.tasks}, **{f"{task.title} Raw": "0.4" for task in SUITE.tasks},
}  # fmt: skip


def row(name: str = "org/model", **changes: Any) -> dict[str, str]:
    """A row with other cells; `average` sets the average, `task` the six normalised scores."""
    made = ROW | {"fullname": name}
    if "average" in changes:
        made[AVERAGE] = changes.pop("average")
    return made | changes


def table(path: Path, *rows: dict[str, str], without: str = "", encoding: str = "utf-8") -> Path:
    """A CSV of `rows`, a column left out if asked."""
    out = io.StringIO(newline="")
    columns = [column for column in ROW if column != without]
    writer = csv.DictWriter(out, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(out.getvalue().encode(encoding))
    return path
