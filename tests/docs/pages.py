"""Which code blocks do the pages hold?"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "services/*/README.md", "*/README.md")
    for page in ROOT.glob(pattern)
    if not any(part.startswith(".") for part in page.relative_to(ROOT).parts)
)
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def blocks(page: Path, language: str) -> list[str]:
    """The texts of a page's blocks in one language, in order."""
    return [text for found, text in _BLOCK.findall(page.read_text()) if found == language]


def languages(page: Path) -> set[str]:
    """Every language a page's blocks name."""
    return {found for found, _ in _BLOCK.findall(page.read_text())}


def links(page: Path) -> list[str]:
    """Targets of a page's links that are files of the repository."""
    return [link for link in _LINK.findall(page.read_text()) if "://" not in link]


def having(language: str) -> list[Path]:
    """The pages with a block in that language."""
    return [page for page in PAGES if blocks(page, language)]


def title(page: Path) -> str:
    """A page's path in the repository."""
    return page.relative_to(ROOT).as_posix()
