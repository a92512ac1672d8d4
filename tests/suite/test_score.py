"""`editrefiner score`: one edit as a table, a CSV of many with errors, resume and whole rows only."""

import csv
import json
import resource
from collections.abc import Iterator
from pathlib import Path

import cv2
import httpx
import pytest

from editrefiner.artifacts import open_store
from editrefiner.client import EvaluationClient
from editrefiner.contracts import BackendInfo, ProblemError, ScoreAnswer
from services.evaluation import staged
from services.evaluation.app import create_app
from services.evaluation.settings import Settings
from suite.cli import main
from suite.inputs import InputError, picture_uri
from suite.score import Judge
from suite.scoretable import ScoreTable, read_pairs
from tests.evaluation.scorers import PixelScorer
from tests.evaluation.uvicorn_server import served

SCORER = PixelScorer()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    artifacts = str(tmp_path_factory.mktemp("artifacts"))
    with served(create_app(Settings(artifacts=artifacts), scorer=SCORER)) as url:
        yield url


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures in a subfolder and a CSV of four rows, the third of which names nothing."""
    pictures = {"before": staged.table(), "red": staged.reddened(), "smeared": staged.smeared()}
    (tmp_path / "pictures").mkdir()
    for name, picture in pictures.items():
        assert cv2.imwrite(str(tmp_path / "pictures" / f"{name}.png"), picture[..., ::-1])
    rows = [
        ("pictures/before.png", "pictures/red.png", staged.RED),
        ("pictures/before.png", "pictures/smeared.png", f"{staged.RED}, please"),
        ("pictures/before.png", "pictures/none.png", staged.RED),
        ("pictures/before.png", "pictures/before.png", staged.RED),
    ]
    with (tmp_path / "pairs.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("source", "edited", "instruction"), *rows])
    return tmp_path


def scored(folder: Path, url: str) -> tuple[int, list[dict[str, str]]]:
    status = main(
        ["score", "--csv", str(folder / "pairs.csv"), "-o", str(folder / "scores.csv"), "--url", url]
    )
    with (folder / "scores.csv").open(newline="") as file:
        return status, list(csv.DictReader(file))


def test_one_edit_is_shown_with_intervals_and_who_scored(folder, url, capsys):
    pictures = [str(folder / "pictures" / name) for name in ("before.png", "red.png")]

    status = main(["score", *pictures, staged.RED, "--url", url])

    said = capsys.readouterr().out
    assert status == 0
    assert "instruction following" in said
    assert " to " in said
    assert "Scored by pixels 1" in said


def test_one_edit_as_json_by_the_scorer_in_here_is_the_services_answer(folder, capsys):
    pictures = [str(folder / "pictures" / name) for name in ("before.png", "red.png")]

    status = main(["score", *pictures, staged.RED, "--json"])

    answer = ScoreAnswer.model_validate_json(capsys.readouterr().out)
    assert status == 0
    assert answer.backend.name == "compact"
    assert answer.scores.overall > 50


def test_a_csv_gets_a_row_per_row_in_order_and_its_failures_in_a_column(folder, url, capsys):
    status, rows = scored(folder, url)

    assert status == 1
    assert "1 of 4 rows" in capsys.readouterr().err
    assert [row["edited"] for row in rows] == [
        "pictures/red.png",
        "pictures/smeared.png",
        "pictures/none.png",
        "pictures/before.png",
    ]
    assert [bool(row["overall"]) for row in rows] == [True, True, False, True]
    assert "none.png is not there" in rows[2]["error"]
    assert float(rows[0]["visual_consistency_low"]) <= float(rows[0]["visual_consistency"])
    assert rows[1]["instruction"] == f"{staged.RED}, please"


def test_the_same_command_goes_on_where_it_was_and_forgives_a_row_cut_short(folder, url):
    _, first = scored(folder, url)
    output = folder / "scores.csv"
    text = output.read_text().splitlines(keepends=True)
    output.write_text("".join(text[:3]) + text[4][:20])  # two rows, and a piece of the last
    cv2.imwrite(str(folder / "pictures" / "none.png"), staged.drifted()[..., ::-1])
    runs = SCORER.runs

    status, rows = scored(folder, url)

    assert status == 0
    assert [rows[0], rows[1], rows[3]] == [first[0], first[1], first[3]]
    assert rows[2]["error"] == ""
    assert SCORER.runs == runs + 1  # the new picture; the service has kept the rest


def test_a_row_whose_picture_changed_is_scored_anew(folder, url):
    _, first = scored(folder, url)
    cv2.imwrite(str(folder / "pictures" / "red.png"), staged.swapped()[..., ::-1])

    _, rows = scored(folder, url)

    assert rows[0]["inputs_sha256"] != first[0]["inputs_sha256"]
    assert rows[1:] == first[1:]


def test_a_summary_as_json_counts(folder, url, capsys):
    main(["score", "--csv", str(folder / "pairs.csv"), "-o", str(folder / "s.csv"), "--url", url, "--json"])

    said = json.loads(capsys.readouterr().out)
    assert (said["scored"], said["failed"]) == (3, 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name SOURCE, EDITED and INSTRUCTION"),
        (("--csv", "pairs.csv"), "needs -o"),
        (("a.png", "--csv", "pairs.csv", "-o", "s.csv"), "leave SOURCE"),
        (("a.png", "b.png", "x", "-o", "s.csv"), "-o goes with --csv"),
        (("a.png", "b.png", "x"), "SOURCE: a.png is not there"),
        (("a.png", "b.png", " "), "INSTRUCTION is empty"),
        (("--csv", "none.csv", "-o", "s.csv"), "cannot be read"),
    ],
)
def test_what_cannot_be_scored_is_refused_in_a_sentence(monkeypatch, tmp_path, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)

    assert main(["score", *arguments]) == 1

    assert said in capsys.readouterr().err


def test_a_file_that_holds_something_else_is_left_alone(folder, url, capsys):
    (folder / "scores.csv").write_text("my,notes\n1,2\n")

    status = main(
        ["score", "--csv", str(folder / "pairs.csv"), "-o", str(folder / "scores.csv"), "--url", url]
    )

    assert status == 1
    assert "holds no scores" in capsys.readouterr().err
    assert (folder / "scores.csv").read_text() == "my,notes\n1,2\n"


def test_a_csv_without_a_column_is_refused(folder, url, capsys):
    (folder / "pairs.csv").write_text("source,edited\na,b\n")

    assert main(["score", "--csv", str(folder / "pairs.csv"), "-o", str(folder / "s.csv"), "--url", url]) == 1
    assert "has no column instruction" in capsys.readouterr().err


def test_an_instruction_that_is_too_long_fails_its_row_and_no_other(folder, url):
    with (folder / "pairs.csv").open("a", newline="") as file:
        csv.writer(file).writerow(("pictures/before.png", "pictures/red.png", "red " * 1001))

    status, rows = scored(folder, url)

    assert status == 1
    assert "instruction" in rows[4]["error"]
    assert "4000" in rows[4]["error"]
    assert [bool(row["overall"]) for row in rows] == [True, True, False, True, False]


def test_an_instruction_that_is_too_long_is_refused_in_a_sentence(folder, url, capsys):
    pictures = [str(folder / "pictures" / name) for name in ("before.png", "red.png")]

    assert main(["score", *pictures, "red " * 1001, "--url", url]) == 1
    assert "4000" in capsys.readouterr().err


def test_an_instruction_of_two_lines_of_an_old_editor_is_one_cell(folder, url):
    with (folder / "pairs.csv").open("a", newline="") as file:
        file.write('pictures/before.png,pictures/red.png,"Make it red\rand round"\n')

    _, rows = scored(folder, url)
    runs = SCORER.runs
    _, again = scored(folder, url)

    assert len(rows) == 5
    assert rows[4]["instruction"] == "Make it red\rand round"
    assert again == rows
    assert SCORER.runs == runs


def test_a_file_of_one_very_long_line_is_left_alone(folder, url, capsys):
    (folder / "scores.csv").write_text("x" * 200_000 + "\n")

    status = main(
        ["score", "--csv", str(folder / "pairs.csv"), "-o", str(folder / "scores.csv"), "--url", url]
    )

    assert status == 1
    assert "holds no scores" in capsys.readouterr().err
    assert (folder / "scores.csv").stat().st_size == 200_001


def test_a_disk_that_is_full_is_said_in_a_sentence(folder):
    row = read_pairs(folder / "pairs.csv")[0]
    output = folder / "scores.csv"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with ScoreTable(output, "digest") as table:
        resource.setrlimit(resource.RLIMIT_FSIZE, (output.stat().st_size + 10, hard))
        try:
            with pytest.raises(InputError, match=r"scores\.csv cannot be written to"):
                table.append(row, "key", InputError("the reason why this row has no scores"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_picture_that_cannot_be_read_leaves_the_other_one_nowhere(folder):
    store = open_store(str(folder / "store"))
    source = picture_uri(folder / "pictures" / "before.png", "source")
    broken = "data:image/png;base64,AAAA"
    before = {path for path in (folder / "store").rglob("*") if path.is_file()}
    async with httpx.AsyncClient() as http:
        backend = BackendInfo(name="none", version="1", digest="0b" * 32)
        judge = Judge(EvaluationClient(http, "http://127.0.0.1:1"), backend, store)
        with pytest.raises(ProblemError, match="edited"):
            await judge.score(source, broken, staged.RED)

    assert {path for path in (folder / "store").rglob("*") if path.is_file()} == before
