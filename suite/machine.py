"""What is this machine like? Python, packages, processor, memory, disk and ports, without importing much."""

import importlib.metadata
import os
import platform
import re
import shutil
import socket
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from packaging.requirements import Requirement

MIN_PYTHON = (3, 11)
MIN_FREE_MEMORY_GB = 1.5  # the four compact agents on a picture of 12 megapixels
MIN_FREE_DISK_GB = 2.0
PORTS = {8100: "job API", 8101: "perception", 8102: "reasoning", 8103: "action", 8104: "evaluation"}
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "asimd")
GB = 1e9


class State(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warn"
    FAILED = "FAIL"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    topic: str
    state: State
    detail: str


def python() -> Finding:
    """The interpreter."""
    state = State.OK if sys.version_info >= MIN_PYTHON else State.FAILED
    where = f"{platform.system()} {platform.machine()}"
    return Finding("python", state, f"{platform.python_version()} on {where}")


def packages() -> Finding:
    """Everything that the suite is installed with."""
    required = sorted(_required())
    missing = [name for name in required if not _is_installed(name)]
    if missing:
        return Finding("packages", State.FAILED, f"missing: {', '.join(missing)}; install editrefiner[suite]")
    return Finding("packages", State.OK, f"all {len(required)} that the suite needs are installed")


def cpu() -> Finding:
    """Cores that this process may use, and what they are good at."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    listed = re.search(r"^(?:flags|Features)\s*:(.*)$", _text("/proc/cpuinfo"), re.MULTILINE)
    flags = listed[1].split() if listed else []
    known = [flag for flag in FLAGS if flag in flags]
    return Finding("cpu", State.OK, f"{cores} cores; {', '.join(known) or 'vector extensions unknown'}")


def memory() -> Finding:
    """What is free now."""
    available = re.search(r"^MemAvailable:\s+(\d+) kB", _text("/proc/meminfo"), re.MULTILINE)
    if available is None:
        return Finding("memory", State.WARNING, "how much is free is unknown on this system")
    free = int(available[1]) * 1024 / GB
    state = State.OK if free >= MIN_FREE_MEMORY_GB else State.WARNING
    return Finding("memory", state, f"{free:.1f} GB free; {MIN_FREE_MEMORY_GB} GB or more are wanted")


def disk(folder: Path) -> Finding:
    """Room where jobs and pictures are kept, and whether it can be written."""
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not os.access(place, os.W_OK):
        return Finding("disk", State.FAILED, f"{place} cannot be written to; serve with --data elsewhere")
    free = shutil.disk_usage(place).free / GB
    state = State.OK if free >= MIN_FREE_DISK_GB else State.WARNING
    return Finding("disk", state, f"{free:.0f} GB free at {place}, for {folder}")


def ports() -> Finding:
    """Whether the default ports are free on this machine."""
    taken = [f"{port} ({name})" for port, name in PORTS.items() if _is_taken(port)]
    if taken:
        return Finding("ports", State.WARNING, f"in use: {', '.join(taken)}; serve with --port on another")
    return Finding("ports", State.OK, f"{min(PORTS)} to {max(PORTS)} are free")


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _required() -> set[str]:
    """Names of the distributions that `editrefiner` with its extra `suite` asks for."""
    lines = [Requirement(line) for line in importlib.metadata.requires("editrefiner") or []]
    names: set[str] = set()
    extras, seen = ["suite", ""], set[str]()
    while extras:
        extra = extras.pop()
        seen.add(extra)
        asked = [line for line in lines if line.marker is None or line.marker.evaluate({"extra": extra})]
        names |= {line.name for line in asked}
        extras += [name for line in asked if line.name == "editrefiner" for name in line.extras - seen]
    return names - {"editrefiner"}


def _text(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
