"""What does an agent bring to become a service? Its verbs, itself, and a store of pictures."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from editrefiner.contracts import BackendInfo, ImageInput, ImageRef, RequestModel, Scoring, WireModel
from editrefiner.serving.runs import Run


class Agent(Protocol):
    """A loaded agent."""

    @property
    def backend(self) -> BackendInfo:
        """Who computes; its digest is part of every key."""
        ...

    def warm_up(self) -> None:
        """Do one real run, so that the first request finds everything in place."""
        ...


class ImageStore(Protocol):
    """What serving needs of the artifact store. Calls may block; serving makes them in worker threads."""

    def resolve(self, image: ImageInput, *, name: str) -> ImageRef:
        """The reference of a picture that exists; `name` appears in the refusal when it does not."""
        ...

    def ingest(self, data: bytes, *, name: str) -> tuple[ImageRef, object]:
        """Decode an encoded picture under limits and store it."""
        ...

    def record(self, key: str) -> bytes | None:
        """A small document; None when there is none of that name."""
        ...

    def put_record(self, key: str, data: bytes) -> None:
        """Write one, durably and at once."""
        ...


AgentT = TypeVar("AgentT", bound=Agent)
RequestT = TypeVar("RequestT", bound=RequestModel)
AnswerT = TypeVar("AnswerT", bound=WireModel)


@dataclass(frozen=True, kw_only=True)
class View(Generic[RequestT, AnswerT]):
    """An answer as a picture. The run and what is stored of it stay the same: a view is drawn anew each time.

    `draw` is called beside the lane with the request, every image of it resolved, and the stored answer; it
    returns the encoded picture and may block.
    """

    parameter: str
    """The query parameter that asks for it with `true`; the media type in `Accept` does as well."""
    media_type: str
    draw: Callable[[RequestT, AnswerT], bytes]
    description: str


@dataclass(frozen=True, kw_only=True)
class Example(Generic[RequestT, AnswerT]):
    """For the API document: a request that can be sent as it stands, and what an answer looks like."""

    request: RequestT
    answer: AnswerT


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How to read what a loaded agent answers: a part of `GET /v1/info`."""

    thresholds: Mapping[str, float] = field(default_factory=dict[str, float])
    conventions: Mapping[str, str] = field(default_factory=dict[str, str])
    scoring: Scoring | None = None
    """How to read scores; None where the agent gives none."""


@dataclass(frozen=True, kw_only=True)
class Verb(Generic[AgentT, RequestT, AnswerT]):
    """One thing an agent does: `POST path`.

    `run` is called in the compute lane with the loaded agent, the request with every image resolved to
    an `ImageRef`, and the `Run` to ask whether to go on. Its answer must follow from these alone.
    """

    path: str
    request: type[RequestT]
    answer: type[AnswerT]
    run: Callable[[AgentT, RequestT, Run], AnswerT]
    summary: str
    description: str
    view: View[RequestT, AnswerT] | None = None
    """The other form of its answer; None = there is JSON only."""
    example: Example[RequestT, AnswerT] | None = None
    """What the API document shows; None = the schemas alone."""
    run_together: Callable[[AgentT, Sequence[tuple[RequestT, Run]]], Sequence[AnswerT]] | None = None
    """The same for several requests at once, where a backend gains by that; None = one by one.

    One answer for each, in order, equal to what `run` would say. It goes on while any of the runs is wanted
    (`shared_checkpoint`). When it raises, whatever it is, each request is run alone and ends by itself.
    """
