"""The house keeps its shape: same files in every service, short modules, no drawers."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ("perception", "reasoning", "action", "evaluation")
ROOMS = ("editrefiner", "services", "orchestrator", "suite", "training", "bench", "deploy")
MODULES = sorted(
    module for room in ROOMS for module in (ROOT / room).rglob("*.py") if "versions" not in module.parts
)
DRAWERS = {"utils", "util", "common", "helpers", "helper", "misc"}
MAX_LINES = 300


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_files(service: str) -> None:
    expected = {
        "__init__.py",
        "__main__.py",
        "agent.py",
        "app.py",
        "settings.py",
        "Dockerfile",
        "README.md",
        "backends",
    }

    present = {path.name for path in (ROOT / "services" / service).iterdir()}

    assert expected <= present


@pytest.mark.parametrize("module", MODULES, ids=lambda module: str(module.relative_to(ROOT)))
def test_a_module_is_at_most_300_lines_and_says_what_it_answers(module: Path) -> None:
    text = module.read_text()

    assert len(text.splitlines()) <= MAX_LINES
    assert not text.strip() or ast.get_docstring(ast.parse(text)), (
        "the first line says which question it answers"
    )


def test_nothing_is_named_like_a_drawer() -> None:
    names = {
        path.relative_to(ROOT).as_posix()
        for room in (*ROOMS, "tests")
        for path in (ROOT / room).rglob("*")
        if path.stem in DRAWERS
    }

    assert names == set()


def test_no_test_asserts_a_duration() -> None:
    clocks = ("perf_counter", "monotonic", "time")
    found = [
        f"{test.relative_to(ROOT)}:{node.lineno}"
        for test in (ROOT / "tests").rglob("*.py")
        for node in ast.walk(ast.parse(test.read_text()))
        if isinstance(node, ast.Assert)
        and any(
            isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in clocks
            for part in ast.walk(node)
        )
    ]

    assert found == []
