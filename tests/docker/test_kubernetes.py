"""The Kustomize base: valid by Kubernetes' published schemas, closed where it has to be. And the Slurm job."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.docker.dockerfiles import DOCKER
from tests.docker.test_compose import SERVICES

FOLDER = DOCKER / "kubernetes"
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
OBJECTS: list[dict[str, Any]] = [
    one for path in KUSTOMIZATION["resources"] for one in yaml.safe_load_all((FOLDER / path).read_text())
]
VERSIONS = ("1.30.0", kubernetes_validate.latest_version())
TEMPLATES = {one["metadata"]["name"]: one["spec"]["template"] for one in OBJECTS if "template" in one["spec"]}
PODS = {name: template["spec"] for name, template in TEMPLATES.items()}
LABELS = {name: template["metadata"]["labels"] for name, template in TEMPLATES.items()}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("one", OBJECTS, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}")
def test_it_is_valid(one: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(one, version, strict=True)


def test_the_schemas_would_notice() -> None:
    broken = {**OBJECTS[0], "spec": {**OBJECTS[0]["spec"], "backofLimit": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, VERSIONS[-1], strict=True)


def test_every_file_is_in_the_kustomization() -> None:
    assert {path.name for path in FOLDER.glob("*.yaml")} == {*KUSTOMIZATION["resources"], "kustomization.yaml"}
    used = {container["image"] for pod in PODS.values() for container in pod["containers"]}
    assert used == {image["name"] for image in KUSTOMIZATION["images"]}


@pytest.mark.parametrize("name", PODS)
def test_every_pod_is_hardened(name: str) -> None:
    pod = PODS[name]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.keys()
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
        }  # fmt: skip
        assert {"requests", "limits"} <= container["resources"].keys()


def test_a_worker_sees_neither_the_secrets_of_the_site_nor_the_database() -> None:
    [container] = PODS["worker-gpu"]["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": "parity-worker"}}]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    [policy] = [one for one in OBJECTS if one["metadata"]["name"] == "parity-worker"]
    assert policy["spec"]["ingress"] == []
    blocks = [to["ipBlock"] for rule in policy["spec"]["egress"] for to in rule.get("to", []) if "ipBlock" in to]
    assert [set(block["except"]) for block in blocks] == [
        {"10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"}
    ]


def test_policies_and_services_select_pods_that_exist() -> None:
    for one in OBJECTS:
        spec = one["spec"]
        chosen = spec.get("podSelector", {}).get("matchLabels") or (spec.get("selector") if "ports" in spec else None)
        if chosen:
            assert any(chosen.items() <= labels.items() for labels in LABELS.values()), one["metadata"]["name"]


@pytest.mark.parametrize("name", ["site-worker", "notifier", "scheduler", "migrate"])
def test_programs_are_those_of_compose(name: str) -> None:
    [container] = PODS[name]["containers"]
    assert container["args"] == SERVICES[name]["command"]
    assert "command" not in container, "it would take the place of the image's entry point"


SBATCH = DOCKER / "slurm" / "worker.sbatch"
WORKER = """#!{python}
import os, signal, sys, time
def stop(*_):
    print("gives its job back", flush=True)
    time.sleep(0.3)
    print("stopped", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print(sys.argv[1:], os.environ["PARITY_WORKER_TOKEN"], os.environ["PARITY_WORKER_QUEUES"], flush=True)
time.sleep(30)
"""


def slurm(tmp_path: Path, mode: int = 0o600) -> dict[str, str]:
    token, python = tmp_path / "token", tmp_path / "python"
    token.write_text("secret")
    token.chmod(mode)
    python.write_text(WORKER.format(python=sys.executable))
    python.chmod(0o700)
    return {
        **os.environ, "PARITY_URL": "https://parity.example.org", "PARITY_TOKEN_FILE": str(token),
        "PARITY_PYTHON": str(python), "SLURM_SUBMIT_DIR": str(tmp_path),
    }  # fmt: skip


def test_a_slurm_worker_hears_the_end_of_its_time(tmp_path: Path) -> None:
    with subprocess.Popen(["bash", str(SBATCH)], env=slurm(tmp_path), stdout=subprocess.PIPE, text=True) as job:
        assert job.stdout is not None
        assert job.stdout.readline() == "['-m', 'evaluator', 'worker'] secret gpu\n"
        time.sleep(0.2)
        job.send_signal(signal.SIGTERM)
        assert job.stdout.read() == "gives its job back\nstopped\n"
    assert job.returncode in {0, 143}


def test_a_slurm_worker_wants_its_token_kept(tmp_path: Path) -> None:
    done = subprocess.run(["bash", str(SBATCH)], env=slurm(tmp_path, 0o644), capture_output=True, text=True)
    assert done.returncode == 2
    assert "has mode 644: others can read it" in done.stderr
    env = {key: value for key, value in slurm(tmp_path).items() if key != "PARITY_URL"}
    done = subprocess.run(["bash", str(SBATCH)], env=env, capture_output=True, text=True, check=False)
    assert done.returncode != 0 and "PARITY_URL: set it to the site" in done.stderr
