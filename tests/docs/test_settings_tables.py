"""A page's table of settings is the settings."""

import re

import pytest

from tests.configured import SETTINGS
from tests.docs.pages import ROOT

PAGES = {prefix: ROOT / "services" / prefix[:-1].lower() / "README.md" for prefix in SETTINGS} | {
    "ORCHESTRATOR_": ROOT / "orchestrator/README.md"
}
NOT_OF_THE_ORCHESTRATOR = {"ORCHESTRATOR_BACKEND", "ORCHESTRATOR_THREADS"}  # for agents, which compute
FREE = {"artifacts", "database_url", "public_url"}  # their defaults are said in words


def rows(prefix: str) -> list[tuple[list[str], str]]:
    """Names of the variables and the defaults, row by row."""
    found = re.findall(rf"^\| (`{prefix}.*?) \| (.*?) \|", PAGES[prefix].read_text(), re.MULTILINE)
    return [(re.findall(r"`(\w+)`", names), defaults) for names, defaults in found]


def shown(value: object) -> str:
    """A default as a page writes it."""
    match value:
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}" if value < 1e6 else f"{value:.0f}"
        case _:
            return str(value)


@pytest.mark.parametrize("prefix", SETTINGS)
def test_every_setting_is_in_the_table_once(prefix: str) -> None:
    named = [name for names, _ in rows(prefix) for name in names]

    expected = {f"{prefix}{field.upper()}" for field in SETTINGS[prefix].model_fields}
    assert sorted(named) == sorted(expected - NOT_OF_THE_ORCHESTRATOR)


@pytest.mark.parametrize("prefix", SETTINGS)
def test_the_defaults_in_the_table_are_those_of_the_settings(prefix: str) -> None:
    settings = SETTINGS[prefix]().model_dump()
    for names, defaults in rows(prefix):
        fields = [name.removeprefix(prefix).lower() for name in names]
        if not FREE.isdisjoint(fields):
            continue
        assert re.findall(r"`([^`]+)`", defaults) == [shown(settings[field]) for field in fields]
