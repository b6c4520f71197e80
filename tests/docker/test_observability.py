"""Alert rules and the dashboard: tried by Prometheus' own tool, and about numbers that the site has."""

import json
import re
import shutil
import subprocess

import pytest
import yaml
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings as DjangoSettings

from tests.docker.dockerfiles import DOCKER

FOLDER = DOCKER / "observability"
RULES = [rule for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"] for rule in group["rules"]]
PANELS = json.loads((FOLDER / "dashboard.json").read_text())["panels"]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [one["expr"] for panel in PANELS for one in panel["targets"]]
SUFFIX = re.compile(r"_(bucket|count|sum|total)$")

promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="promtool (Debian: prometheus) is not installed")


@promtool
@pytest.mark.parametrize("command", [["check", "rules", "alerts.yaml"], ["test", "rules", "alerts_test.yaml"]])
def test_the_rules_do_what_their_tests_say(command: list[str]) -> None:
    done = subprocess.run(["promtool", *command], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@promtool
def test_every_expression_of_the_dashboard_can_be_read(tmp_path_factory: pytest.TempPathFactory) -> None:
    rules = [{"record": f"panel:{n}", "expr": expr} for n, expr in enumerate(EXPRESSIONS)]
    path = tmp_path_factory.mktemp("rules") / "all.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    done = subprocess.run(["promtool", "check", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.django_db
def test_every_number_that_is_asked_for_is_there(client: Client, settings: DjangoSettings) -> None:
    settings.METRICS_TOKEN = "scrape-me"
    text = client.get("/metrics", headers={"authorization": "Bearer scrape-me"}).content.decode()
    there = {family.name for family in text_string_to_metric_families(text)}
    asked = {SUFFIX.sub("", name) for expr in EXPRESSIONS for name in re.findall(r"parity_\w+", expr)}
    assert asked <= there, asked - there
    assert len(RULES) == len({rule["alert"] for rule in RULES})
    assert all(rule["annotations"].keys() == {"summary", "action"} for rule in RULES)
