"""What the pages say is so: links lead somewhere, commands exist, and every block of a language we know."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
from prometheus_client import Counter, Gauge, Histogram

from editrefiner.telemetry import metrics
from tests.configured import SETTINGS, variables
from tests.docs.pages import PAGES, ROOT, blocks, having, languages, links, title

KNOWN = {"", "bash", "console", "json", "text"}
COMMANDS = {"refine", "demo", "score", "serve", "jobs", "replay", "doctor"}


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def is_there(command: list[str]) -> bool:
    """Whether what a console line starts exists in this repository."""
    match command:
        case ["make", *targets]:
            return set(targets) <= make_targets()
        case ["python", "-m", module, *_]:
            return importlib.util.find_spec(module) is not None
        case ["editrefiner", name, *_]:
            return name in COMMANDS
        case ["docker", "compose", *arguments]:
            return all((ROOT / word).is_file() for word in arguments if word.endswith((".yml", ".yaml")))
        case ["kubectl", *arguments]:
            return all((ROOT / word).is_dir() for word in arguments if word.startswith("deploy/"))
    return False


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_a_page_links_to_files_that_exist(page: Path) -> None:
    assert [link for link in links(page) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_a_page_has_only_blocks_that_are_checked(page: Path) -> None:
    assert languages(page) <= KNOWN


@pytest.mark.parametrize("page", having("console"), ids=title)
def test_a_console_line_starts_something_that_exists(page: Path) -> None:
    lines = [
        line.removeprefix("$ ")
        for text in blocks(page, "console")
        for line in text.splitlines()
        if line.startswith("$ ")
    ]

    missing = [line for line in lines if not is_there(shlex.split(line, comments=True))]

    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_a_page_names_only_variables_that_the_code_reads(page: Path) -> None:
    named = set(re.findall(rf"\b(?:{'|'.join(SETTINGS)})[A-Z_]*[A-Z]\b", page.read_text()))

    assert named <= variables()


@pytest.mark.parametrize("page", PAGES, ids=title)
def test_a_page_names_only_metrics_that_are_published(page: Path) -> None:
    published = {
        metric._name for metric in vars(metrics).values() if isinstance(metric, Counter | Gauge | Histogram)
    }

    assert set(re.findall(r"\brefine_[a-z_]+\b", page.read_text())) <= published
