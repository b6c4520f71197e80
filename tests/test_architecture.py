"""The import rules of the project, read from the source: who may know whom, and where the heavy packages live."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.environment import ROOT

FIRST_PARTY = ("leaderboard", "evaluator")
SITE_MAY_IMPORT = (
    "evaluator.contract",
    "evaluator.hub",
    "evaluator.hub_names",
    "evaluator.addresses",
    "evaluator.suites",
    "evaluator.scoring",
    "evaluator.tracing",
)
HEAVY = ("lm_eval", "vllm", "torch", "transformers")
MAX_LINES = 400

MODULES = sorted(
    path
    for package in FIRST_PARTY
    for path in (ROOT / package).rglob("*.py")
    if "migrations" not in path.parts and "__pycache__" not in path.parts
)


def name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[tuple[str, ast.stmt]]:
    """Every module that `path` imports, with the statement; `from a import b` counts as a and a.b."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield from ((f"{node.module}.{alias.name}", node) for alias in node.names)


def within(module: str, *packages: str) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def modules_in(*packages: str) -> list[Path]:
    return [path for path in MODULES if within(name(path), *packages)]


@pytest.mark.parametrize("path", modules_in("evaluator"), ids=name)
def test_the_worker_knows_neither_the_site_nor_django(path: Path) -> None:
    assert [module for module, _ in imports(path) if within(module, "leaderboard", "django", "rest_framework")] == []


@pytest.mark.parametrize("path", modules_in("leaderboard"), ids=name)
def test_the_site_imports_only_the_light_parts_of_the_worker(path: Path) -> None:
    found = [module for module, _ in imports(path) if within(module, "evaluator")]
    assert [module for module in found if not within(module, *SITE_MAY_IMPORT)] == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_heavy_packages_are_imported_only_by_the_child(path: Path) -> None:
    if not within(name(path), "evaluator.harness", "evaluator.engines"):
        assert [module for module, _ in imports(path) if within(module, *HEAVY)] == []


def test_what_both_sides_share_is_light() -> None:
    """Importing the shared modules and the worker's own loads nothing heavy, however indirectly."""
    shared = (
        "evaluator.contract, evaluator.hub, evaluator.addresses, evaluator.suites, evaluator.supervisor, "
        "evaluator.tracing, evaluator.worker, evaluator.jobs, evaluator.gateway"
    )
    program = f"import sys, {shared}; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", modules_in("leaderboard.pages", "leaderboard.api", "leaderboard.queries"), ids=name)
def test_pages_api_and_queries_never_write(path: Path) -> None:
    writes = {"save", "create", "bulk_create", "update_or_create", "get_or_create", "bulk_update"}
    found = [
        f"{path.name}:{node.lineno} {node.func.attr}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in writes
    ]
    assert found == []


@pytest.mark.parametrize("path", modules_in("leaderboard.statistics"), ids=name)
def test_statistics_are_pure(path: Path) -> None:
    assert [
        m for m, _ in imports(path) if within(m, "django", "evaluator", "leaderboard.models", "leaderboard.actions")
    ] == []


@pytest.mark.parametrize("path", modules_in("leaderboard.workloads"), ids=name)
def test_uploads_are_read_without_django_or_anything_that_is_stored(path: Path) -> None:
    found = [module for module, _ in imports(path) if within(module, "django", *FIRST_PARTY)]
    assert [module for module in found if not within(module, "leaderboard.workloads")] == []


@pytest.mark.parametrize("path", modules_in("leaderboard.embedded"), ids=name)
def test_embedded_servers_know_no_django(path: Path) -> None:
    found = [module for module, _ in imports(path) if within(module, "django", *FIRST_PARTY)]
    assert [module for module in found if not within(module, "leaderboard.embedded")] == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_first_party_import_inside_a_function(path: Path) -> None:
    tree = ast.parse(path.read_text())
    inside = [
        node.lineno
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if (isinstance(node, ast.ImportFrom) and within(node.module or "", *FIRST_PARTY))
        or (isinstance(node, ast.Import) and any(within(alias.name, *FIRST_PARTY) for alias in node.names))
    ]
    assert inside == []


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_files_are_short_enough_to_read(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", modules_in("leaderboard.actions"), ids=name)
def test_public_actions_take_keywords_only(path: Path) -> None:
    """A write is called with its arguments by name. Functions that only help another take what they like."""
    tree = ast.parse(path.read_text())
    for function in tree.body:
        if isinstance(function, ast.FunctionDef) and any(
            "atomic" in ast.dump(mark) for mark in function.decorator_list
        ):
            positional = [argument.arg for argument in function.args.args]
            assert positional == [], f"{path.name}:{function.lineno} {function.name}"
