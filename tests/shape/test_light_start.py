"""Importing an app pulls in no model library: those load late, in backends."""

import subprocess
import sys

import pytest

APPS = [f"services.{name}.app" for name in ("perception", "reasoning", "action", "evaluation")]
HEAVY = ("torch", "transformers", "diffusers", "peft", "onnxruntime", "openvino", "vllm")


@pytest.mark.parametrize("app", [*APPS, "orchestrator.app", "suite.cli"])
def test_importing_an_app_loads_no_model_library(app: str) -> None:
    program = f"import sys, {app}; print(*[name for name in {HEAVY!r} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""


def test_the_command_line_starts_without_any_service() -> None:
    services = ("cv2", "celery", "fastapi", "sqlalchemy")
    program = f"import sys, suite.cli; print(*[name for name in {services!r} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""
