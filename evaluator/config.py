"""The worker's settings, from its environment."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from evaluator import hub
from evaluator.contract import Engine, Queue


class ConfigError(Exception):
    """A variable is missing or wrong; the message names it and gives an example."""


@dataclass(frozen=True)
class Config:
    """`url` and `token`: the site and the right to claim. `state`: weights, runs and caches of this host."""

    url: str
    token: str
    name: str
    queues: tuple[Queue, ...]
    engines: tuple[Engine, ...]
    mirrors: tuple[Path, ...]
    state: Path
    hub_token: str | None
    hub_endpoint: str | None
    child: str
    """The module that a run's child executes; another one than the harness makes a worker without engines (tests)."""


def needed(variable: str, example: str) -> str:
    value = os.environ.get(variable, "")
    if not value:
        raise ConfigError(f"{variable} is not set. Example: {variable}={example}")
    return value


def choice(variable: str, default: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """A comma-separated list of known words."""
    chosen = tuple(word.strip() for word in os.environ.get(variable, default).split(",") if word.strip())
    unknown = sorted(set(chosen) - set(known))
    if unknown or not chosen:
        given = os.environ.get(variable, "")
        raise ConfigError(f"{variable}={given!r} does not work: it is a comma-separated list of {', '.join(known)}.")
    return chosen


def state_folder() -> Path:
    return Path(os.environ.get("PARITY_STATE") or Path(__file__).resolve().parents[1] / ".parity")


def from_environment() -> Config:
    """Read the environment; raises ConfigError with the variable to set."""
    return Config(
        url=needed("PARITY_URL", "https://parity.example.org").rstrip("/"),
        token=needed("PARITY_WORKER_TOKEN", "the token that the site's staff gave this worker"),
        name=os.environ.get("PARITY_WORKER_NAME") or socket.gethostname(),
        queues=choice("PARITY_WORKER_QUEUES", "cpu", ("cpu", "gpu")),  # type: ignore[arg-type]
        engines=choice("PARITY_WORKER_ENGINES", "vllm,transformers", ("vllm", "transformers")),  # type: ignore[arg-type]
        mirrors=hub.mirrors_from(os.environ.get("PARITY_HUB_MIRROR", "")),
        state=state_folder(),
        hub_token=os.environ.get("HF_TOKEN"),
        hub_endpoint=os.environ.get("HF_ENDPOINT"),
        child=os.environ.get("PARITY_WORKER_CHILD") or "evaluator.harness",
    )
