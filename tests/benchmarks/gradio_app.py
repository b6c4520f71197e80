"""A gradio_leaderboard page over the Open LLM Leaderboard's table: `python gradio_app.py CSV PORT`.

Runs in an environment of its own (gradio.txt; `make bench-gradio` makes it) and imports nothing of ours. Columns,
search and filters are those that the retired board had; what our board shows beside them is left out.
"""

import sys

import gradio as gr
import pandas as pd
from gradio_leaderboard import ColumnFilter, Leaderboard, SearchColumns, SelectColumns

SHOWN = {
    "T": "str", "Model": "markdown", "Average ⬆️": "number", "IFEval": "number", "BBH": "number",
    "MATH Lvl 5": "number", "GPQA": "number", "MUSR": "number", "MMLU-PRO": "number", "#Params (B)": "number",
}  # fmt: skip
HIDDEN = {
    "Precision": "str", "Type": "str", "Architecture": "str", "Hub License": "str", "fullname": "str", "Merged": "bool",
    "Flagged": "bool", "MoE": "bool",
}  # fmt: skip
COLUMNS = SHOWN | HIDDEN


def table(path: str) -> pd.DataFrame:
    """The rows as the source lists them: the best average first, numbers with two digits."""
    found = pd.read_csv(path)[list(COLUMNS)].sort_values("Average ⬆️", ascending=False, kind="stable")
    numbers = [name for name, kind in COLUMNS.items() if kind == "number"]
    return found.round(dict.fromkeys(numbers, 2)).fillna({"Hub License": "?", "Architecture": "?"})


def page(rows: pd.DataFrame) -> gr.Blocks:
    with gr.Blocks(title="Open LLM Leaderboard", analytics_enabled=False) as blocks:
        Leaderboard(
            value=rows,
            datatype=list(COLUMNS.values()),
            select_columns=SelectColumns(default_selection=list(SHOWN), cant_deselect=["T", "Model"]),
            search_columns=SearchColumns(primary_column="fullname", secondary_columns=["Hub License", "Architecture"]),
            hide_columns=list(HIDDEN),
            filter_columns=[
                ColumnFilter("Type", type="checkboxgroup", label="Model types"),
                ColumnFilter("Precision", type="checkboxgroup", label="Precision"),
                ColumnFilter("#Params (B)", type="slider", default=[-1, 141], label="Parameters (B)"),
                ColumnFilter("Merged", type="boolean", label="Merged", default=False),
            ],
            interactive=False,
        )
    return blocks


if __name__ == "__main__":
    page(table(sys.argv[1])).launch(
        server_name="127.0.0.1", server_port=int(sys.argv[2]), share=False, show_api=False, quiet=True
    )
