"""What is deployed agrees with the settings that the code reads."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.configured import SETTINGS, variables

ROOT = Path(__file__).parents[2]
BASE = ROOT / "deploy/kustomize/base"


def manifests() -> list[dict[str, Any]]:
    """Every Kubernetes document of the base."""
    files = [file for file in BASE.glob("*.yaml") if file.name != "kustomization.yaml"]
    return [document for file in files for document in yaml.safe_load_all(file.read_text())]


def containers() -> list[dict[str, Any]]:
    """Every container of every deployment."""
    return [
        container
        for document in manifests()
        if document["kind"] == "Deployment"
        for container in document["spec"]["template"]["spec"]["containers"]
    ]


def test_compose_sets_only_variables_that_the_code_reads() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    own = [service for service in compose["services"].values() if service["image"].startswith("editrefiner/")]

    set_variables = {variable for service in own for variable in service["environment"]}

    assert set_variables <= variables()


def test_manifests_set_only_variables_that_the_code_reads() -> None:
    kustomization = yaml.safe_load((BASE / "kustomization.yaml").read_text())
    literals = {entry.split("=")[0] for entry in kustomization["configMapGenerator"][0]["literals"]}

    set_variables = literals | {
        item["name"] for container in containers() for item in container.get("env", ())
    }

    assert set_variables <= variables()


def test_the_prefix_of_each_settings_class_is_the_one_deployed() -> None:
    prefixes = {settings.model_config.get("env_prefix") for settings in SETTINGS.values()}

    assert prefixes == set(SETTINGS)


@pytest.mark.parametrize("container", containers(), ids=lambda container: container["name"])
def test_every_container_is_locked_down_and_bounded(container: dict[str, Any]) -> None:
    security = container["securityContext"]

    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"] or (
        container["name"] in {"api", "worker"}
    )


def test_every_agent_is_probed_on_the_paths_that_the_serving_kit_answers() -> None:
    agents = [container for container in containers() if container["name"] not in {"api", "worker"}]

    paths = {
        (probe, container[probe]["httpGet"]["path"])
        for container in agents
        for probe in ("startupProbe", "livenessProbe", "readinessProbe")
    }

    assert paths == {
        ("startupProbe", "/startupz"),
        ("livenessProbe", "/livez"),
        ("readinessProbe", "/readyz"),
    }
