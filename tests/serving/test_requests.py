"""How bodies become requests."""

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from editrefiner.contracts import DiagnoseRequest, ImageRef, RankRequest, RequestModel, ScoreRequest
from editrefiner.serving import Body, ValidationFailedError, parse_request, resolve_images
from tests.serving.scripted import picture, store_at

ID = "sha256:" + "2b" * 32
REGION = {
    "id": "r1",
    "kind": "artifact",
    "bbox": [0, 0, 4, 3],
    "area": 12,
    "mean_saliency": 0.5,
    "peak_saliency": 0.5,
}


def as_json(**body: Any) -> Body:
    return Body(json.dumps(body).encode(), "application/json; charset=utf-8")


def as_form(texts: list[tuple[str, str]], files: list[tuple[str, bytes]] | None = None) -> Body:
    """A form as httpx sends it; text fields may repeat."""
    parts = [(name, (None, text.encode())) for name, text in texts]
    parts += [(name, ("picture.png", content)) for name, content in files or []]
    request = httpx.Request("POST", "http://service", files=parts)
    return Body(request.read(), request.headers["content-type"])


def png(seed: int) -> bytes:
    return base64.b64decode(picture(seed).partition(",")[2])


def wrong_fields(model: type[RequestModel], body: Body) -> set[str]:
    with pytest.raises(ValidationFailedError) as caught:
        parse_request(model, body)
    return {error.field for error in caught.value.errors}


def test_json_and_form_give_equal_requests() -> None:
    from_json = parse_request(ScoreRequest, as_json(source=ID, edited=ID, instruction=" make it red "))
    from_form = parse_request(
        ScoreRequest, as_form([("source", ID), ("edited", ID), ("instruction", " make it red ")])
    )
    assert from_json.request == from_form.request
    assert from_json.request.instruction == "make it red"


def test_text_that_looks_like_json_stays_text() -> None:
    form = as_form([("source", ID), ("edited", ID), ("instruction", "42")])
    assert parse_request(ScoreRequest, form).request.instruction == "42"


def test_a_reference_may_be_given_as_json_in_a_form(tmp_path: Path) -> None:
    ref = store_at(tmp_path).resolve(picture(), name="source")
    form = as_form([("source", ref.model_dump_json()), ("edited", ID), ("instruction", "x")])
    assert parse_request(ScoreRequest, form).request.source == ref


def test_uploads_of_a_list_keep_their_order(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    form = as_form(
        [("instruction", "rank")], [("source", png(0)), ("candidates", png(1)), ("candidates", png(2))]
    )
    request = resolve_images(parse_request(RankRequest, form), store)
    assert request.source == store.resolve(picture(0), name="source")
    assert request.candidates == tuple(store.resolve(picture(seed), name="") for seed in (1, 2))


def test_a_list_of_references_may_be_one_json_field() -> None:
    form = as_form([("source", ID), ("candidates", json.dumps([ID, ID])), ("instruction", "rank")])
    assert parse_request(RankRequest, form).request.candidates == (ID, ID)


def test_a_field_given_twice_in_a_form_is_refused() -> None:
    form = as_form([("source", ID), ("edited", ID), ("instruction", "a"), ("instruction", "b")])
    assert wrong_fields(ScoreRequest, form) == {"instruction"}


def test_what_is_wrong_is_named_by_where_it_is() -> None:
    mask = {"sha256": "2b" * 32, "width": 4, "height": 3}
    regions = [{**REGION, "mask": mask}, {**REGION, "mask": mask, "mean_saliency": 2}]
    body = as_json(source={"sha256": "short"}, edited=ID, regions=regions, colour="red")
    assert wrong_fields(DiagnoseRequest, body) == {
        "source.sha256",
        "source.width",
        "source.height",
        "source",
        "instruction",
        "regions.1.mean_saliency",
        "colour",
    }


def test_a_wrong_value_is_not_repeated() -> None:
    with pytest.raises(ValidationFailedError) as caught:
        parse_request(ScoreRequest, as_json(source="canary", edited={"canary": 1}, instruction=["canary"]))
    assert "canary" not in caught.value.problem().model_dump_json().replace("edited.canary", "")


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff", b'"text"', b"[" * 10_000, b'{"source": NaN}', b"null"]
)
def test_json_that_is_no_request_is_refused(content: bytes) -> None:
    assert wrong_fields(ScoreRequest, Body(content, "application/json"))


def test_a_mask_must_be_what_the_region_says(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    stored = store.put_pixels(np.zeros((3, 5), np.uint8))
    pretended = ImageRef(sha256=stored.sha256, width=4, height=3)
    body = as_json(
        source=picture(),
        edited=picture(),
        instruction="x",
        regions=[{**REGION, "mask": pretended.model_dump()}],
    )
    with pytest.raises(ValidationFailedError) as caught:
        resolve_images(parse_request(DiagnoseRequest, body), store)
    assert [error.field for error in caught.value.errors] == ["regions.0.mask"]


def test_sizes_come_from_the_store(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    stored = store.put_pixels(np.zeros((6, 8, 3), np.uint8))
    pretended = ImageRef(sha256=stored.sha256, width=800, height=600)
    body = as_json(source=pretended.model_dump(), edited=picture(), instruction="x")
    assert resolve_images(parse_request(ScoreRequest, body), store).source == stored
