"""Which fields of a request are pictures, and which plain text? Read from the model's annotations."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import NoneType
from typing import Any, cast, get_args, get_origin

from pydantic import BaseModel

from editrefiner.contracts import ImageRef, RequestModel


@dataclass(frozen=True)
class RequestFields:
    """The fields of one request model by how a form carries them."""

    images: frozenset[str]
    """Take a picture: `ImageInput`."""
    image_lists: frozenset[str]
    """Take several: `tuple[ImageInput, ...]`."""
    texts: frozenset[str]
    """Take text as it stands. Every other field takes JSON text."""


@cache
def fields_of(model: type[RequestModel]) -> RequestFields:
    """How the fields of this model are carried."""
    images: set[str] = set()
    lists: set[str] = set()
    texts: set[str] = set()
    for name, info in model.model_fields.items():
        kinds = set(_alternatives(info.annotation))
        if {ImageRef, str} <= kinds:
            images.add(name)
        elif kinds == {str}:
            texts.add(name)
        elif get_origin(info.annotation) is tuple and {ImageRef, str} <= set(
            _alternatives(get_args(info.annotation)[0])
        ):
            lists.add(name)
    return RequestFields(frozenset(images), frozenset(lists), frozenset(texts))


def nested_images(value: object, path: str) -> Iterator[tuple[str, ImageRef]]:
    """Every reference inside a value, with its dotted path."""
    if isinstance(value, ImageRef):
        yield path, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from nested_images(getattr(value, name), f"{path}.{name}" if path else name)
    elif isinstance(value, tuple):
        for index, item in enumerate(cast("tuple[object, ...]", value)):
            yield from nested_images(item, f"{path}.{index}")


def _alternatives(annotation: Any) -> Iterator[Any]:  # a type form: typing has no name for it
    """The types of a union, without None and without the constraints around them."""
    if metadata := getattr(annotation, "__metadata__", None):
        assert metadata
        yield from _alternatives(annotation.__origin__)
    elif get_origin(annotation) is not None and get_origin(annotation) is not tuple and get_args(annotation):
        for member in get_args(annotation):
            yield from _alternatives(member)
    elif annotation is not NoneType:
        yield annotation
