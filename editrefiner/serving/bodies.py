"""What is being asked? A JSON or multipart body as a validated request whose pictures are references."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json
from starlette.requests import ClientDisconnect, Request

from editrefiner.contracts import FieldError, RequestModel
from editrefiner.serving.errors import BodyTooSlowError, UnsupportedMediaTypeError, ValidationFailedError
from editrefiner.serving.fields import RequestFields, fields_of, nested_images
from editrefiner.serving.multipart import Part, parse_multipart
from editrefiner.serving.problems import validation_problem
from editrefiner.serving.tokens import first_token_past
from editrefiner.serving.verbs import ImageStore

JSON = "application/json"
FORM = "multipart/form-data"
MAX_TOKENS = 32_768  # 64 regions with 32 facts about each, three times what our agents find, have 28 000
CHUNK_SECONDS = 30.0  # a client that sends nothing for this long has stalled; it holds a place in the queue

RequestT = TypeVar("RequestT", bound=RequestModel)


@dataclass(frozen=True, slots=True)
class Body:
    """A body as it came."""

    content: bytes | bytearray
    content_type: str


@dataclass(frozen=True, slots=True)
class Draft(Generic[RequestT]):
    """A validated request whose uploaded pictures are still encoded bytes, named by their digest."""

    request: RequestT
    uploads: dict[str, bytes]


async def read_body(request: Request, *, taken: Sequence[str] = (JSON, FORM)) -> Body:
    """Read to the end. Raises ClientDisconnect when the client hangs up, BodyTooSlowError when it stalls.

    UnsupportedMediaTypeError when the body is of none of the types `taken`.
    """
    content_type = request.headers.get("content-type", "")
    if media_type(content_type) not in taken or request.headers.get("content-encoding"):
        raise UnsupportedMediaTypeError(
            f"The body is {content_type or 'of no stated type'}. Send {' or '.join(taken)}, not compressed."
        )
    content = bytearray()
    more = True
    while more:
        try:
            message = await asyncio.wait_for(request.receive(), CHUNK_SECONDS)
        except TimeoutError as error:
            raise BodyTooSlowError(f"No more of the body came for {CHUNK_SECONDS:.0f} s.") from error
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        content += message.get("body", b"")
        more = message.get("more_body", False)
    return Body(content, content_type)


def parse_request(model: type[RequestT], body: Body) -> Draft[RequestT]:
    """Validate; ValidationFailedError names every field that is wrong, or the one that holds too much."""
    if media_type(body.content_type) == FORM:
        given, uploads = _form_values(fields_of(model), parse_multipart(body.content, body.content_type))
        try:
            return Draft(model.model_validate(given), uploads)
        except ValidationError as error:
            raise validation_problem(error, given) from error
    _require_few_tokens([("body", body.content)])
    try:
        return Draft(model.model_validate_json(body.content), {})
    except ValidationError as error:
        raise validation_problem(error, _parsed(body.content)) from error


def resolve_images(draft: Draft[RequestT], store: ImageStore) -> RequestT:
    """The request with every picture stored and referenced by what it really is."""
    request, fields = draft.request, fields_of(type(draft.request))

    def resolved(image: Any, name: str) -> Any:  # an ImageInput in, an ImageRef out
        if isinstance(image, str) and image in draft.uploads:
            return store.ingest(draft.uploads[image], name=name)[0]
        return store.resolve(image, name=name)

    update: dict[str, Any] = {}
    for name in sorted(fields.images):
        if (image := getattr(request, name)) is not None:
            update[name] = resolved(image, name)
    for name in sorted(fields.image_lists):
        images = getattr(request, name)
        update[name] = tuple(resolved(image, f"{name}.{index}") for index, image in enumerate(images))
    for name in type(request).model_fields:
        if name not in update:
            _check_nested(getattr(request, name), name, store)
    return request.model_copy(update=update)


def _check_nested(value: object, name: str, store: ImageStore) -> None:
    """A mask that a region names is what the region says it is."""
    for path, image in nested_images(value, name):
        stored = store.resolve(image, name=path)
        if stored != image:
            message = (
                f"is {stored.width}x{stored.height} {stored.media_type} in the store and "
                f"{image.width}x{image.height} {image.media_type} in the request"
            )
            raise ValidationFailedError(
                f"{path} {message}. Send the reference as it was given out.",
                errors=(FieldError(field=path, message=message),),
            )


def _form_values(fields: RequestFields, parts: list[Part]) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The form as the JSON object it stands for, and the uploaded pictures by the ids that stand for them."""
    given: dict[str, Any] = {}
    uploads: dict[str, bytes] = {}
    _require_few_tokens(
        [
            (part.name, part.content)
            for part in parts
            if not (_is_upload(part, fields) or part.name in fields.texts)
        ]
    )
    for part in parts:
        if _is_upload(part, fields):
            content = bytes(part.content)
            value: Any = f"sha256:{hashlib.sha256(content).hexdigest()}"
            uploads[value] = content
        elif part.name in fields.texts:
            value = part.content.decode("utf-8", "replace")
        else:
            value = _json_or_text(part.content.decode("utf-8", "replace"))
        if part.name in fields.image_lists:
            given.setdefault(part.name, []).extend(value if isinstance(value, list) else [value])
        elif part.name in given:
            raise ValidationFailedError(
                f"The form has the field {part.name} more than once.",
                errors=(FieldError(field=part.name, message="is given more than once"),),
            )
        else:
            given[part.name] = value
    return given, uploads


def _is_upload(part: Part, fields: RequestFields) -> bool:
    return part.filename is not None and part.name in fields.images | fields.image_lists


def _require_few_tokens(texts: Sequence[tuple[str, bytes | bytearray]]) -> None:
    """ValidationFailedError for JSON texts, each with the name of its field, that hold too much together."""
    place = first_token_past(MAX_TOKENS, *(text for _, text in texts))
    if place is None:
        return
    field = texts[place[0]][0]
    message = f"has more than {MAX_TOKENS} strings, lists, objects and commas, at byte {place[1]}"
    raise ValidationFailedError(
        f"The request is wrong in: {field}. It {message}. Send a picture as a part of a form, a `data:` "
        "URI or a reference, never as numbers, and only the fields of the request.",
        errors=(FieldError(field=field, message=message),),
    )


def _json_or_text(text: str) -> Any:  # any JSON value
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError:
        return text


def _parsed(content: bytes | bytearray) -> object:
    try:
        return from_json(content)
    except ValueError:
        return None


def media_type(content_type: str) -> str:
    """A Content-Type without its parameters."""
    return content_type.partition(";")[0].strip().lower()
