"""How much can a body of a verb cost before it is refused? Its values are counted before it is parsed."""

import json
import tracemalloc

import pytest

from editrefiner.contracts import (
    DiagnoseRequest,
    EditRequest,
    PerceiveRequest,
    RankRequest,
    RequestModel,
    ScoreRequest,
)
from editrefiner.serving import Body, ValidationFailedError, parse_request

ID = "sha256:" + "2b" * 32
LONG = 3_000_000  # bytes: parsed, each of these bodies takes hundreds of megabytes
MANY = [b"{},", b"1,", b'"",', b"[[]],", b'{"a":1},', b'"a":[],"b":']


def as_json(content: bytes) -> Body:
    return Body(bytearray(content), "application/json")


def as_form(**fields: bytes) -> Body:
    parts = [
        b'--B\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), content)
        for name, content in fields.items()
    ]
    return Body(bytearray(b"".join(parts) + b"--B--\r\n"), "multipart/form-data; boundary=B")


def refusal(model: type[RequestModel], body: Body, *, copies: float) -> ValidationFailedError:
    """How the body is refused, by taking no more memory than so many copies of it."""
    tracemalloc.start()
    try:
        with pytest.raises(ValidationFailedError) as caught:
            parse_request(model, body)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < copies * len(body.content)
    return caught.value


@pytest.mark.parametrize("values", MANY)
@pytest.mark.parametrize("model", [ScoreRequest, PerceiveRequest])
def test_json_of_very_many_values_is_refused_before_it_is_parsed(
    model: type[RequestModel], values: bytes
) -> None:
    content = b'{"source": ' + b"[" + values * (LONG // len(values)) + b"{}]}"
    error = refusal(model, as_json(content), copies=1)

    assert [wrong.field for wrong in error.errors] == ["body"]
    assert "more than 32768" in error.errors[0].message


@pytest.mark.parametrize("values", MANY)
def test_a_field_of_a_form_with_very_many_values_is_refused_before_it_is_parsed(values: bytes) -> None:
    body = as_form(regions=b"[" + values * (LONG // len(values)) + b"{}]")
    error = refusal(DiagnoseRequest, body, copies=6)  # its parts are copies of what they are cut from

    assert [wrong.field for wrong in error.errors] == ["regions"]
    assert "more than 32768" in error.errors[0].message


def test_the_fields_of_a_form_are_counted_together() -> None:
    one = b"[" + b"1," * 20_000 + b"1]"
    with pytest.raises(ValidationFailedError) as caught:
        parse_request(EditRequest, as_form(source=ID.encode(), regions=one, flaws=one))

    assert [wrong.field for wrong in caught.value.errors] == ["flaws"]


def test_very_many_keys_that_nobody_knows_are_refused_at_once() -> None:
    keys = b",".join(b'"k%d":1' % number for number in range(LONG // 11))
    error = refusal(ScoreRequest, as_json(b"{" + keys + b"}"), copies=1)

    assert [wrong.field for wrong in error.errors] == ["body"]


def test_the_refusal_says_where_the_limit_is_passed_and_how_to_mend_it() -> None:
    content = b'{"source":[' + b"0," * 40_000 + b"0]}"
    with pytest.raises(ValidationFailedError) as caught:
        parse_request(ScoreRequest, as_json(content))

    at = len(b'{"source":[') + 2 * (32_768 - 3) + 1  # three tokens, then every second byte a comma
    assert f"at byte {at}" in caught.value.detail
    assert "`data:` URI" in caught.value.detail


def test_the_fullest_request_that_agents_send_is_a_request() -> None:
    reference = {"sha256": "2b" * 32, "media_type": "image/png", "width": 4, "height": 3}
    region = {
        "kind": "artifact",
        "bbox": [0, 0, 4, 3],
        "area": 12,
        "mean_saliency": 0.5,
        "peak_saliency": 0.5,
        "mask": reference,
    }
    fact = {"name": "sharpness", "value": 0.3, "unit": "ratio", "meaning": 'fine "detail", [lost], {gone}'}
    flaw = {
        "flaw_type": "blur",
        "flaw_type_text": "blurred",
        "explanation": "It is blurred, here.",
        "severity": 0.5,
        "confidence": 0.5,
        "evidence": [fact] * 32,
        "suggested_operation": "restore",
        "edit_instruction": "Sharpen it.",
    }
    regions = [{**region, "id": f"r{number}"} for number in range(64)]
    flaws = [{**flaw, "region_id": f"r{number}"} for number in range(64)]
    fields = {"source": reference, "edited": reference, "instruction": "[,{" * 1000}

    by_json = parse_request(
        EditRequest, as_json(json.dumps({**fields, "regions": regions, "flaws": flaws}).encode())
    )
    by_form = parse_request(
        EditRequest,
        as_form(
            source=json.dumps(reference).encode(),
            edited=json.dumps(reference).encode(),
            instruction=fields["instruction"].encode(),
            regions=json.dumps(regions).encode(),
            flaws=json.dumps(flaws).encode(),
        ),
    )

    assert by_json.request == by_form.request
    assert len(by_json.request.flaws[63].evidence) == 32


def test_instructions_and_pictures_full_of_commas_are_counted_as_one_value_each() -> None:
    request = {"source": ID, "candidates": [ID] * 16, "instruction": "[,{" * 1300}
    assert (
        parse_request(RankRequest, as_json(json.dumps(request).encode())).request.instruction == "[,{" * 1300
    )
