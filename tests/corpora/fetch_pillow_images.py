"""Fetches Pillow's own test pictures, thousands of odd and hostile files, for tests/artifacts.

    python tests/corpora/fetch_pillow_images.py

They come with the source package of the installed Pillow version, which pip downloads from the package index
it is set up for. Nothing is compiled. The pictures take about 60 MB.
"""

import subprocess
import sys
import tarfile
import tempfile
from importlib.metadata import version
from pathlib import Path

FOLDER = Path.home() / ".cache/editrefiner/pillow-corpus"
IMAGES = "/Tests/images/"


def main() -> None:
    release = version("pillow")
    with tempfile.TemporaryDirectory() as scratch:
        # Build isolation stays on: pip asks the package for its name, which takes its build tools.
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "pillow"]
        subprocess.run([*command, "--dest", scratch, f"pillow=={release}"], check=True)
        (archive,) = Path(scratch).glob("*.tar.gz")
        FOLDER.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive) as package:
            members = [member for member in package if member.isfile() and IMAGES in member.name]
            for member in members:
                member.name = member.name.partition(IMAGES)[2]
                package.extract(member, FOLDER, filter="data")
    print(f"{len(members)} files of Pillow {release} in {FOLDER}")


if __name__ == "__main__":
    main()
