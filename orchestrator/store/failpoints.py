"""Where can this process be made to die, and how is that switched on?

A failpoint stands at each side of every transaction's commit: before it begins, between its last statement
and COMMIT, and between COMMIT and the caller hearing of it. A kill anywhere else is one of these three to the
database. An unarmed failpoint is one comparison.
"""

import os
from collections.abc import Callable

from pydantic_settings import BaseSettings, SettingsConfigDict

OPERATIONS = (
    "create",
    "request_cancel",
    "delete",
    "claim",
    "heartbeat",
    "commit",
    "release",
    "crash",
    "fail",
    "abort",
    "ring",
    "expire",
    "purge",
)
SIDES = ("begin", "before_commit", "after_commit")
KILLED = 137  # what a shell reports for a process ended by SIGKILL


class FailpointSettings(BaseSettings):
    """`ORCHESTRATOR_FAILPOINT` names the failpoint at which this process dies; for tests of crash safety."""

    model_config = SettingsConfigDict(env_prefix="ORCHESTRATOR_")

    failpoint: str | None = None


class _Switchboard:
    """Every failpoint there is, and what the armed one does."""

    def __init__(self) -> None:
        self.names = {f"{operation}.{side}" for operation in OPERATIONS for side in SIDES}
        self.armed: str | None = None
        self.act: Callable[[], None] = die


def die() -> None:
    """End the process at once, as SIGKILL does: no handler, no flush, no rollback runs."""
    os._exit(KILLED)


def failpoint(name: str) -> None:
    """Do what was armed here; nothing in a process that nobody armed."""
    if _switchboard.armed == name:
        _switchboard.act()


def arm(name: str, act: Callable[[], None] = die) -> None:
    """Make `failpoint(name)` act, and no other. ValueError when there is no such failpoint."""
    if name not in _switchboard.names:
        raise ValueError(
            f"no failpoint is called {name!r}; there are {', '.join(sorted(_switchboard.names))}"
        )
    _switchboard.act = act
    _switchboard.armed = name


def disarm() -> None:
    """Make every failpoint harmless again."""
    _switchboard.armed = None


def arm_from_settings() -> None:
    """Arm what the environment names; a store does so when it is opened."""
    name = FailpointSettings().failpoint
    if name is not None:
        arm(name)


def declare(*names: str) -> None:
    """Add failpoints of another module, when it is imported."""
    _switchboard.names.update(names)


def names() -> tuple[str, ...]:
    """Every failpoint of the modules imported so far."""
    return tuple(sorted(_switchboard.names))


_switchboard = _Switchboard()
