"""The files of `deploy/`: they parse, and agree with the code and with each other.

No container engine is asked: images are not built here.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from config import variables
from core.programs import caddy_binary
from tests.core.test_metrics import NAMES

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
KNOWN = variables.VARIABLES
# Read by Python, by the shell, or by the front.
OTHERS = {"PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PIP_NO_CACHE_DIR"}
OTHERS |= {"PIP_DISABLE_PIP_VERSION_CHECK"}


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "compose.yaml").read_text()))


def kubernetes() -> list[dict[str, Any]]:
    return list(yaml.safe_load((DEPLOY / "kubernetes" / "parley.yaml").read_text())["items"])


def pods() -> dict[str, dict[str, Any]]:
    """The pod of each workload, by the workload's name."""
    return {
        item["metadata"]["name"]: item["spec"]["template"]["spec"]
        for item in kubernetes()
        if item["kind"] in ("Deployment", "Job")
    }


def ours() -> dict[str, dict[str, Any]]:
    return {name: one for name, one in compose()["services"].items() if one["image"] == "parley"}


@pytest.mark.parametrize(
    "environment",
    [
        {"SITE": "http://:8000", "BIND": "bind 127.0.0.1", "WEB": "unix//run/web.sock"},
        {"SITE": "chat.example.com", "GLOBAL": "email ops@example.com"},
        {"SITE": "chat.example.com", "GLOBAL": "local_certs"},
    ],
    ids=["run", "acme", "internal"],
)
def test_the_front_accepts_its_configuration(environment: dict[str, str], tmp_path: Path) -> None:
    binary = caddy_binary()
    if binary is None:
        pytest.skip("there is no Caddy for this machine")
    found = subprocess.run(
        [binary, "adapt", "--config", DEPLOY / "Caddyfile", "--validate"],
        env=os.environ | environment | {"XDG_DATA_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert found.returncode == 0, found.stderr
    server = json.loads(found.stdout)["apps"]["http"]["servers"]["srv0"]
    assert server["read_header_timeout"] == 10_000_000_000
    assert server["max_header_bytes"] == 32_000


def test_compose_sets_only_variables_that_are_read() -> None:
    for name, service in ours().items():
        assert set(service["environment"]) <= KNOWN, name


def test_kubernetes_sets_only_variables_that_are_read() -> None:
    (settings,) = (item["data"] for item in kubernetes() if item["kind"] == "ConfigMap")
    assert set(settings) <= KNOWN
    for name, pod in pods().items():
        (container,) = pod["containers"]
        assert {one["name"] for one in container.get("env", [])} <= KNOWN, name


def test_the_image_sets_only_variables_that_are_read() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    blocks = re.findall(r"^ENV ((?:.*\\\n)*.*)$", text, re.MULTILINE)
    named = set(re.findall(r"(?:^|\s)([A-Z_]+)=", " ".join(blocks)))
    assert named <= KNOWN | OTHERS


def test_every_secret_that_is_named_is_made(tmp_path: Path) -> None:
    script = tmp_path / "make_secrets.py"
    script.write_text((DEPLOY / "make_secrets.py").read_text())
    subprocess.run([sys.executable, script], check=True, capture_output=True)
    folder = tmp_path / "secrets"
    made = {path.name: path.read_text() for path in folder.iterdir()}
    named = compose()["secrets"]
    assert {Path(one["file"]).name for one in named.values()} <= set(made)
    for name, service in compose()["services"].items():
        assert set(service.get("secrets", [])) <= set(named), name
    used = {
        Path(value).name
        for service in ours().values()
        for key, value in service["environment"].items()
        if key.endswith("_FILE")
    }
    assert used <= set(made)
    assert folder.stat().st_mode & 0o777 == 0o700
    # A second time changes nothing: backups stay readable.
    subprocess.run([sys.executable, script], check=True, capture_output=True)
    assert {path.name: path.read_text() for path in folder.iterdir()} == made


def test_only_workers_have_the_login_that_works_across_businesses() -> None:
    for name, service in ours().items():
        has = "database_worker_url" in service["secrets"]
        assert has == (name in ("worker", "beat", "migrate")), name
        assert ("database_owner_url" in service["secrets"]) == (name == "migrate")
    for name, pod in pods().items():
        environment = str(pod["containers"][0].get("env", []))
        assert ("worker_url" in environment) == name.endswith(("worker", "beat", "migrate"))
        assert ("owner_url" in environment) == name.endswith("migrate")


def test_no_process_runs_as_root_or_writes_to_its_image() -> None:
    assert re.search(r"^USER 10001:10001$", (DEPLOY / "Containerfile").read_text(), re.MULTILINE)
    for name, service in ours().items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
    for name, pod in pods().items():
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        security = pod["containers"][0]["securityContext"]
        assert security["readOnlyRootFilesystem"] is True, name
        assert security["allowPrivilegeEscalation"] is False, name


def test_a_backlog_takes_no_pod_out_of_traffic() -> None:
    web = pods()["parley-web"]["containers"][0]
    assert web["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert web["livenessProbe"]["httpGet"]["path"] == "/healthz"
    assert "/status" not in json.dumps(pods())


def test_alerts_and_dashboard_ask_for_metrics_that_exist() -> None:
    rules = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())["groups"][0][
        "rules"
    ]
    board = json.loads((DEPLOY / "grafana" / "parley.json").read_text())
    asked = [rule["expr"] for rule in rules]
    asked += [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    known = {
        name + suffix
        for name, kind in NAMES.items()
        for suffix in {"counter": ["_total"], "histogram": ["_bucket"], "gauge": [""]}[kind]
    }
    for expression in asked:
        named = set(re.findall(r"parley_\w+", expression))
        assert named, expression
        assert named <= known, expression
    for rule in rules:
        assert set(rule["annotations"]) == {"summary", "action"}, rule["alert"]
