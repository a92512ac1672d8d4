"""What can be made? `preview` draws a contact sheet, `export` writes records, `list` names the generators."""

import argparse
import sys
from pathlib import Path

import cv2

from editrefiner.contracts import FlawType
from training.flaws.generators import GENERATORS, UNSEEN
from training.flaws.photos import folder_photos, photos
from training.flaws.preview import contact_sheet
from training.flaws.stream import FlawStream


def main() -> int:
    """Run one command."""
    parser = argparse.ArgumentParser(prog="python -m training.flaws", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    preview = commands.add_parser("preview", help="write a contact sheet PNG")
    preview.add_argument("--out", type=Path, default=Path("out/flaws.png"))
    export = commands.add_parser(
        "export", help="write pictures, maps, records.jsonl and the release's CSV files"
    )
    export.add_argument("--out", type=Path, required=True)
    commands.add_parser("list", help="name every generator")
    for command in (preview, export):
        command.add_argument("--count", type=int, default=12)
        command.add_argument("--start", type=int, default=0, help="number of the first record")
        command.add_argument("--seed", type=int, default=1)
        command.add_argument("--split", choices=("training", "validation", "report"), default="training")
        command.add_argument("--photos", type=Path, help="a folder of photographs to use instead")
        command.add_argument(
            "--type", type=FlawType, choices=list(FlawType), help="one flaw of this type each"
        )
        command.add_argument("--use", choices=("seen", "unseen", "all"), default="all")
    options = parser.parse_args()
    if options.command == "list":
        for generator in GENERATORS:
            print(f"{generator.name}{'  (never trained on)' if generator.name in UNSEEN else ''}")
        return 0
    found = folder_photos(options.photos) if options.photos else photos(options.split)
    stream = FlawStream(found, options.seed, use=options.use, only=options.type)
    records = (stream.record(i) for i in range(options.start, options.start + options.count))
    if options.command == "preview":
        options.out.parent.mkdir(parents=True, exist_ok=True)
        sheet = contact_sheet(list(records), columns=1)
        cv2.imwrite(str(options.out), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
        print(options.out)
        return 0
    from training.flaws.export import export as write  # noqa: PLC0415 — one command of three needs it

    print(f"{write(records, options.out)} records in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
