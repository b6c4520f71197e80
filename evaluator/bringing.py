"""Brings a revision's weights to where a child finds them: from a mirror, from what was downloaded before, or from the
Hub. Of an adapter, both its base and itself."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from evaluator import fetch, hub
from evaluator.config import Config
from evaluator.contract import ModelRef
from evaluator.supervisor import Clock, Watch
from evaluator.weights import evict, in_use


class Weights(NamedTuple):
    """The folders of the model's weights, and of the adapter that is put on them."""

    model: Path
    adapter: Path | None = None


def parts_of(model: ModelRef) -> list[ModelRef]:
    """What has to be there for a model: the base of an adapter first."""
    return [model.base, model] if model.base is not None else [model]


def folder_of(config: Config) -> Path:
    """Where downloaded weights are."""
    return config.state / "weights"


def found(config: Config, one: ModelRef) -> Path | None:
    """The folder with exactly this revision, a mirror's or a downloaded one; raises HubError."""
    mirrored = hub.locate(one.name, one.sha, mirrors=config.mirrors, cache=config.state / "hashes")
    return mirrored or hub.downloaded(one.name, one.sha, target=folder_of(config))


@contextmanager
def brought(config: Config, model: ModelRef, folder: Path, watch: Watch, clock: Clock) -> Iterator[Weights]:
    """A model's weights, downloaded if need be; nobody evicts them while this lasts.

    `folder` is for the downloads' own files. Raises HubError, Died when it takes longer than `clock` allows, or what
    `watch` raises.
    """
    target, parts = folder_of(config), parts_of(model)
    there = [found(config, one) for one in parts]
    with ExitStack() as held:
        for present in filter(None, there):
            held.enter_context(in_use(present))
        if None in there:
            evict(target, limit=config.weights_bytes)
        folders = []
        for number, (one, path) in enumerate(zip(parts, there, strict=True)):
            if path is None:
                request = fetch.Request(
                    name=one.name, sha=one.sha, target=str(target.resolve()), endpoint=config.hub_endpoint
                )
                where = folder / f"fetch-{number}"
                path = fetch.fetch(request, token=config.hub_token, folder=where, watch=watch, clock=clock)
                held.enter_context(in_use(path))
            folders.append(path)
        yield Weights(folders[0], folders[1] if len(folders) > 1 else None)
