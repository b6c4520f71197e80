"""The worker's settings, from its environment."""

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evaluator import host, hub, planner
from evaluator.addresses import is_broker
from evaluator.contract import Ability, Queue
from evaluator.run import Scoring
from evaluator.suites import images

ENGINES = ("vllm", "transformers", "endpoint", images.ENGINE)


class ConfigError(Exception):
    """A variable is missing or wrong; the message names it and gives an example."""


@dataclass(frozen=True)
class Config:
    """`url` and `token`: the site and the right to claim. `state`: weights, runs and caches of this host."""

    url: str
    token: str
    name: str
    queues: tuple[Queue, ...]
    engines: tuple[Ability, ...]
    mirrors: tuple[Path, ...]
    state: Path
    hub_token: str | None
    hub_endpoint: str | None
    memory_bytes: int | None
    architectures: tuple[str, ...]
    child: str
    """The module that a run's child executes; another one than the harness makes a worker without engines (tests)."""
    replay: bool = True
    """Whether a job takes responses that an earlier job of the same revision and settings left here; False: only those
    of its own attempts."""
    replay_bytes: int = 10 * 10**9
    scoring: Scoring = "fast"
    keep_seconds: float = 120.0
    """How long an engine stays loaded after a job, for another one of the same revision and settings."""
    handover_seconds: float = 30.0
    """How often what was measured goes to the site, for another host to go on from; 0: never."""
    look_seconds: float = 9.0
    """How long a look at an endpoint takes at most; with more, slow endpoints are taken, and whoever submits waits."""
    weights_bytes: int = 500 * 10**9
    """The most of downloaded weights before another download; those used longest ago go first."""
    fetch_ahead: bool = True
    """Whether the next job's weights are downloaded while the current one runs."""
    slots: int = 1
    """Jobs at once; more than one only of endpoints, which leave this machine idle."""
    plan: Mapping[str, Any] = field(default_factory=dict)
    """The operator's part of every plan: `evaluator.planner.OVERRIDES`."""


def needed(variable: str, example: str) -> str:
    value = os.environ.get(variable, "")
    if not value:
        raise ConfigError(f"{variable} is not set. Example: {variable}={example}")
    return value


def address(variable: str) -> str:
    """The site's address, without a slash at its end."""
    given = needed(variable, "https://parity.example.org")
    scheme, _, host = given.rstrip("/").partition("://")
    if scheme not in {"http", "https"} or not host or set(host) & set("/?#@ "):
        raise ConfigError(
            f"{variable}={given!r} does not work: it is the site's address, without a path. "
            f"Example: {variable}=https://parity.example.org"
        )
    return given.rstrip("/")


def check_broker(variable: str = "REDIS_URL") -> None:
    """Raises ConfigError for a broker's URL that cannot be read; it may hold a password, so it is not told."""
    given = os.environ.get(variable, "")
    if given and not is_broker(given):
        raise ConfigError(
            f"{variable} cannot be read. It is such as redis://user:password@host:6379/0 (rediss:// for TLS); without "
            "it a worker asks the site for jobs over HTTPS."
        )


def choice(variable: str, default: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """A comma-separated list of known words."""
    chosen = tuple(word.strip() for word in os.environ.get(variable, default).split(",") if word.strip())
    unknown = sorted(set(chosen) - set(known))
    if unknown or not chosen:
        given = os.environ.get(variable, "")
        raise ConfigError(f"{variable}={given!r} does not work: it is a comma-separated list of {', '.join(known)}.")
    return chosen


def words(variable: str) -> tuple[str, ...]:
    """A comma-separated list of whatever words."""
    return tuple(word.strip() for word in os.environ.get(variable, "").split(",") if word.strip())


def switch(variable: str, default: str) -> bool:
    """On or off."""
    given = os.environ.get(variable) or default
    if given not in ("on", "off"):
        raise ConfigError(f"{variable}={given!r} does not work: it is on or off.")
    return given == "on"


def gigabytes(variable: str, default: str) -> int:
    """A size in bytes, given in gigabytes."""
    given = os.environ.get(variable) or default
    try:
        size = int(float(given) * 10**9)
    except (ValueError, OverflowError):
        size = -1
    if size < 0:
        raise ConfigError(f"{variable}={given!r} is not a number of gigabytes, such as {default}.")
    return size


def seconds(variable: str, default: str) -> float:
    """A time, 0 or more."""
    given = os.environ.get(variable) or default
    try:
        found = float(given)
    except ValueError:
        found = -1.0
    if not 0 <= found < float("inf"):
        raise ConfigError(f"{variable}={given!r} is not a number of seconds, such as {default}.")
    return found


def queues_here() -> tuple[Queue, ...]:
    """The queues that this worker serves."""
    return choice("PARITY_WORKER_QUEUES", "cpu", ("cpu", "gpu", "api"))  # type: ignore[return-value]


def slots_here() -> int:
    """Jobs at once: one where the machine itself computes, PARITY_WORKER_SLOTS where it only asks endpoints."""
    if set(queues_here()) != {"api"}:
        return 1
    given = os.environ.get("PARITY_WORKER_SLOTS") or "4"
    if not (given.isascii() and given.isdigit() and 1 <= int(given) <= 256):
        raise ConfigError(f"PARITY_WORKER_SLOTS={given!r} does not work: it is a number from 1 to 256.")
    return int(given)


def memory() -> int | None:
    """Bytes for a model: PARITY_WORKER_MEMORY_GB, else the GPUs' together, else the machine's; None if nobody knows."""
    given = os.environ.get("PARITY_WORKER_MEMORY_GB", "")
    if given:
        try:
            return int(float(given) * 10**9)
        except (ValueError, OverflowError):
            raise ConfigError(f"PARITY_WORKER_MEMORY_GB={given!r} is not a number of gigabytes, such as 80.") from None
    machine = host.here()
    return sum(gpu.memory for gpu in machine.gpus) or machine.memory or None


def wishes(variable: str = "PARITY_PLAN") -> dict[str, Any]:
    """What the operator wants of how models are run here (`evaluator.planner`), "" for nothing."""
    given = os.environ.get(variable, "")
    try:
        return planner.parsed(given)
    except ValueError as error:
        example = "tensor_parallel_size=2,memory_share=0.85"
        raise ConfigError(f"{variable}={given!r} does not work: {error}. Example: {variable}={example}") from None


def state_folder() -> Path:
    return Path(os.environ.get("PARITY_STATE") or Path(__file__).resolve().parents[1] / ".parity")


def engines_here() -> str:
    """What a worker offers unless it is told: vLLM with images too, where what that needs is installed."""
    return "vllm,transformers" if images.missing_here() else f"vllm,transformers,{images.ENGINE}"


def from_environment() -> Config:
    """Read the environment; raises ConfigError with the variable to set."""
    check_broker()
    return Config(
        url=address("PARITY_URL"),
        token=needed("PARITY_WORKER_TOKEN", "the token that the site's staff gave this worker"),
        name=os.environ.get("PARITY_WORKER_NAME") or socket.gethostname(),
        queues=queues_here(),
        engines=choice("PARITY_WORKER_ENGINES", engines_here(), ENGINES),  # type: ignore[arg-type]
        mirrors=hub.mirrors_from(os.environ.get("PARITY_HUB_MIRROR", "")),
        state=state_folder(),
        hub_token=os.environ.get("HF_TOKEN"),
        hub_endpoint=os.environ.get("HF_ENDPOINT"),
        memory_bytes=memory(),
        architectures=words("PARITY_WORKER_ARCHITECTURES"),
        replay=switch("PARITY_REPLAY", "on"),
        replay_bytes=gigabytes("PARITY_REPLAY_GB", "10"),
        child=os.environ.get("PARITY_WORKER_CHILD") or "evaluator.harness",
        scoring=choice("PARITY_SCORING", "fast", ("fast", "strict"))[0],  # type: ignore[arg-type]
        keep_seconds=seconds("PARITY_KEEP_ENGINE_SECONDS", "120"),
        handover_seconds=seconds("PARITY_HANDOVER_SECONDS", "30"),
        look_seconds=seconds("PARITY_LOOK_SECONDS", "9"),
        weights_bytes=gigabytes("PARITY_WEIGHTS_GB", "500"),
        fetch_ahead=switch("PARITY_FETCH_AHEAD", "on"),
        slots=slots_here(),
        plan=wishes(),
    )
