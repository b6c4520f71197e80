"""Reads Dockerfiles, as far as these tests need it."""

import re
import shlex
from dataclasses import dataclass, field

from tests.environment import ROOT

DOCKER = ROOT / "docker"
DOCKERFILES = sorted(DOCKER.glob("*.Dockerfile"))


@dataclass
class Stage:
    """One FROM and what follows it, as (instruction, arguments)."""

    base: str
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        return [arguments for name, arguments in self.steps if name == instruction]


def stages(text: str) -> list[Stage]:
    """The stages of a Dockerfile; `ARG`s before the first FROM are filled in where a FROM names them."""
    without_comments = re.sub(r"(?m)^\s*#.*\n", "", text)
    defaults: dict[str, str] = {}
    found: list[Stage] = []
    for line in filter(None, map(str.strip, without_comments.replace("\\\n", " ").splitlines())):
        instruction, _, arguments = line.partition(" ")
        if instruction == "FROM":
            base, _, name = arguments.partition(" AS ")
            found.append(Stage(re.sub(r"\$\{(\w+)\}", lambda match: defaults[match[1]], base), name))
        elif not found:
            assert instruction == "ARG", line
            name, _, value = arguments.partition("=")
            defaults[name] = value
        else:
            found[-1].steps.append((instruction, arguments.strip()))
    return found


def copied(stage: Stage) -> list[str]:
    """What the stage copies from the build's context, relative to it."""
    sources: list[str] = []
    for arguments in stage.all("COPY"):
        words = shlex.split(arguments)
        if not words[0].startswith("--from="):
            sources += words[:-1]
    return sources
