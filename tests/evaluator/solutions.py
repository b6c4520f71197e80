"""The published reference solutions of HumanEval and MBPP as programs with their tests, and wrong ones made of them."""

import ast
from pathlib import Path

import pyarrow.parquet as pq

Program = tuple[str, str]
"""(the problem's name, its source with the tests behind it)"""


def humaneval(hub: Path) -> list[Program]:
    rows = rows_of(hub / "datasets" / "openai" / "openai_humaneval", "test")
    return [
        (row["task_id"], f"{row['prompt']}{row['canonical_solution']}\n{row['test']}\ncheck({row['entry_point']})")
        for row in rows
    ]


def mbpp(hub: Path) -> list[Program]:
    """The sanitized test split."""
    rows = rows_of(hub / "datasets" / "google-research-datasets" / "mbpp", "sanitized", "test")
    return [
        (f"MBPP/{row['task_id']}", "\n".join([row["code"], *row["test_imports"], *row["test_list"]])) for row in rows
    ]


def rows_of(folder: Path, *words: str) -> list[dict[str, object]]:
    """The rows of the one Parquet file whose path has all the words."""
    found = [path for path in folder.rglob("*.parquet") if all(word in str(path.relative_to(folder)) for word in words)]
    assert len(found) == 1, found
    return pq.read_table(found[0]).to_pylist()


class Wrong(ast.NodeTransformer):
    """Returns something else from every function of the solution."""

    def visit_Return(self, node: ast.Return) -> ast.Return:
        return ast.Return(ast.Constant("planted"))


def planted(row: Program) -> Program:
    """The same problem with a solution that is wrong: its first function returns a text whatever it is asked."""
    name, source = row
    tree = ast.parse(source)
    place = next(at for at, node in enumerate(tree.body) if isinstance(node, ast.FunctionDef))
    tree.body[place] = Wrong().visit(tree.body[place])
    return name, ast.unparse(ast.fix_missing_locations(tree))
