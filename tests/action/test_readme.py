"""The README's table of settings is the settings."""

import re
from pathlib import Path

from services.action.settings import Settings

README = Path(__file__).parents[2] / "services/action/README.md"
ROWS = re.findall(r"^\| (`ACTION_.*?) \| (.*?) \|", README.read_text(), re.MULTILINE)


def test_every_setting_is_in_the_table_once() -> None:
    named = [name for names, _ in ROWS for name in re.findall(r"`(\w+)`", names)]

    assert sorted(named) == sorted(f"ACTION_{field.upper()}" for field in Settings.model_fields)


def test_the_defaults_in_the_table_are_those_of_the_settings() -> None:
    settings = Settings().model_dump()
    for names, defaults in ROWS:
        fields = [name.removeprefix("ACTION_").lower() for name in re.findall(r"`(\w+)`", names)]
        stated = re.findall(r"`([^`]+)`", defaults)
        if fields == ["artifacts"]:
            assert stated == []
            continue
        actual = [settings[field] for field in fields]
        assert stated == [
            str(value).lower()
            if isinstance(value, bool)
            else f"{value:g}"
            if isinstance(value, float)
            else str(value)
            for value in actual
        ]
