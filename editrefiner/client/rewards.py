"""How does a training loop ask for rewards? By functions of the form that its framework calls.

Nothing of a framework is imported: the forms were read in these repositories, and tests call as these do.

- TRL: `huggingface/trl`, `GRPOTrainer(reward_funcs=...)`
- verl: `verl-project/verl`, `verl/experimental/reward_loop/reward_manager/naive.py`
- verl-omni: `verl-project/verl-omni`, `verl_omni/reward_loop/reward_manager/visual.py`
- flow_grpo: `yifan123/flow_grpo`, `flow_grpo/rewards.py` (`multi_score`)
- Flow-Factory: `X-GenGroup/Flow-Factory`, `src/flow_factory/rewards/abc.py` and `reward_processor.py`
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import httpx
from pydantic import ValidationError

from editrefiner.client.agents import EvaluationClient
from editrefiner.client.errors import (
    AnswerUnreadableError,
    ClientError,
    PictureUnusableError,
    RequestRejectedError,
    RewardMissingError,
)
from editrefiner.client.pictures import data_uri, is_picture
from editrefiner.contracts import (
    DIMENSIONS,
    MAX_BATCH_ITEMS,
    Reward,
    RewardRequest,
    ScoreItem,
    ScoreWeights,
)

BATCH = 16  # items of one request: some 30 MB of pictures of one megapixel
BATCH_CHARACTERS = 64 * 2**20  # under half of what a service with default settings reads as one body
RETRIES = 8  # of a busy service, each after the time that it names
DEADLINE_SECONDS = 600.0  # for one batch

ResultT = TypeVar("ResultT")
Column = Sequence[object]


@dataclass(frozen=True, kw_only=True)
class Rewards:
    """Rewards of edits from a running evaluation service. Safe to call from any thread or process."""

    url: str
    weights: ScoreWeights = field(default_factory=ScoreWeights)
    batch: int = BATCH
    retries: int = RETRIES
    deadline_seconds: float = DEADLINE_SECONDS
    missing: float | None = None
    """Stands for an edit that cannot be judged where only a number will do; None = RewardMissingError."""

    def __post_init__(self) -> None:
        if not 1 <= self.batch <= MAX_BATCH_ITEMS:
            raise ValueError(f"batch is {self.batch}; a request has 1 to {MAX_BATCH_ITEMS} items")
        if self.weights.total <= 0:
            raise ValueError("give at least one dimension a weight above 0")

    def judged(self, sources: Column, edits: Column, instructions: Sequence[str]) -> list[Reward]:
        """One entry per edit, in order, in as many requests as it takes.

        What is no picture is not sent: its entry has the problem, as that of an edit the service refuses.
        """
        asked = [_item(*one) for one in zip(sources, edits, instructions, strict=True)]
        items = [one for one in asked if isinstance(one, ScoreItem)]
        answers = iter(_waited(lambda: self._asked(items)) if items else ())
        return [next(answers) if isinstance(one, ScoreItem) else one for one in asked]

    def numbers(self, judged: Sequence[Reward]) -> list[float]:
        """The rewards alone, with `missing` where there is none."""
        return [self.number(reward) for reward in judged]

    def number(self, judged: Reward) -> float:
        """The same of one."""
        if judged.reward is not None:
            return judged.reward
        if self.missing is None:
            detail = judged.problem.detail if judged.problem else "the service gave no reason"
            raise RewardMissingError(f"An edit has no reward: {detail}", remote=judged.problem)
        return self.missing

    async def _asked(self, items: Sequence[ScoreItem]) -> list[Reward]:
        found: list[Reward] = []
        async with httpx.AsyncClient() as http:
            client = EvaluationClient(http, self.url, retries=self.retries)
            for some in _batches(items, self.batch):
                request = RewardRequest(items=some, weights=self.weights)
                answered = await client.reward(request, deadline_seconds=self.deadline_seconds)
                if len(answered.value.rewards) != len(some):
                    raise AnswerUnreadableError(f"{self.url} answered another number of rewards than asked.")
                found += answered.value.rewards
        return found


def trl_reward(
    rewards: Rewards, *, source: str = "image", edited: str | None = None, instruction: str = "instruction"
) -> Callable[..., list[float | None]]:
    """A function for `GRPOTrainer(reward_funcs=...)`: called with prompts, completions and dataset columns.

    The edit is the completion where that is a picture, alone or in a message, else in the column `edited`.
    Without a column `instruction` the text of the prompt is it. None stands for an edit without a reward,
    which the trainer leaves out.
    """

    def editrefiner_reward(
        prompts: Column,
        completions: Column,
        **columns: Any,  # Any: the framework's columns
    ) -> list[float | None]:
        pictures = [_picture(one) for one in completions] if edited is None else columns[edited]
        texts = columns.get(instruction) or [_text(prompt) for prompt in prompts]
        sources = [_first(one) for one in columns[source]]
        judged = rewards.judged(sources, pictures, texts)
        return [one.reward if one.reward is not None else rewards.missing for one in judged]

    return editrefiner_reward


def verl_reward(
    rewards: Rewards, *, source: str = "source_img", edited: str = "edited_img"
) -> Callable[..., dict[str, float]]:
    """A `compute_score` for verl and verl-omni: one edit per call, found in `solution_image` or `extra_info`.

    `extra_info` holds the source, and the instruction unless `ground_truth` is it. Besides `score` the answer
    has the raw scores, which verl logs.
    """

    def compute_score(
        data_source: str,
        solution_str: str | None = None,
        ground_truth: str | None = None,
        extra_info: Mapping[str, object] | None = None,
        *,
        solution_image: object = None,
        **_: object,
    ) -> dict[str, float]:
        del data_source, solution_str
        known = extra_info or {}
        picture = known.get(edited) if solution_image is None else solution_image
        text = known.get("instruction") or ground_truth
        (judged,) = rewards.judged([known.get(source)], [picture], [str(text or "")])
        scores = judged.scores
        raw = {name: float(getattr(scores, name)) for name in DIMENSIONS} if scores is not None else {}
        return {"score": rewards.number(judged), **raw}

    return compute_score


def flow_grpo_reward(
    rewards: Rewards, *, source: str = "image"
) -> Callable[..., tuple[dict[str, list[float]], dict[str, object]]]:
    """A reward function for flow_grpo: called with images, prompts and metadata, and `ref_images` for edits.

    Without `ref_images` the source is in each entry of the metadata. `avg` of the scores is the reward.
    """

    def reward(
        images: Column,
        prompts: Sequence[str],
        metadata: Sequence[Mapping[str, object]],
        ref_images: Column | None = None,
        **_: object,
    ) -> tuple[dict[str, list[float]], dict[str, object]]:
        sources = [entry.get(source) for entry in metadata] if ref_images is None else list(ref_images)
        judged = rewards.judged([_first(one) for one in sources], list(images), list(prompts))
        numbers = rewards.numbers(judged)
        return {"editrefiner": numbers, "avg": list(numbers)}, {}

    return reward


@dataclass(frozen=True)
class RewardOutput:
    """What Flow-Factory reads off a reward model's answer."""

    rewards: list[float]
    extra_info: dict[str, Any] | None = None  # Any: as the framework declares it


class FlowFactoryReward:
    """The body of a pointwise reward model of Flow-Factory, which takes subclasses of its own class only.

    `class EditReward(FlowFactoryReward, PointwiseRewardModel): pass` is the whole model; `server_url` of its
    configuration is the address of the evaluation service. The source is the first condition image.
    """

    required_fields: tuple[str, ...] = ("prompt", "image", "condition_images")
    use_tensor_inputs: bool = False

    def __init__(self, config: Any, accelerator: Any) -> None:  # Any: the framework's own classes
        cast("Any", super()).__init__(config, accelerator)  # the framework's class, which is not known here
        self.rewards = Rewards(url=config.server_url, missing=getattr(config, "missing_reward", None))

    def __call__(
        self,
        prompt: Sequence[str],
        image: Column | None = None,
        condition_images: Column | None = None,
        **_: object,
    ) -> RewardOutput:
        """Rewards of a batch."""
        sources = [_first(one) for one in condition_images or ()]
        judged = self.rewards.judged(sources, list(image or ()), list(prompt))
        return RewardOutput(rewards=self.rewards.numbers(judged))


def _item(source: object, edited: object, instruction: str) -> ScoreItem | Reward:
    """What is sent; or, where that is nothing to send, the entry that stands in its place."""
    try:
        return ScoreItem(source=data_uri(source), edited=data_uri(edited), instruction=instruction)
    except PictureUnusableError as error:
        failure: ClientError = error
    except ValidationError as error:
        failure = RequestRejectedError(f"The edit cannot be asked about: {error.errors()[0]['msg']}.")
    return Reward(reward=None, interval=None, scores=None, problem=failure.problem())


def _batches(items: Sequence[ScoreItem], most: int) -> Iterator[tuple[ScoreItem, ...]]:
    """The items in order, cut where a batch has enough items or bytes."""
    some: list[ScoreItem] = []
    size = 0
    for item in items:
        length = len(str(item.source)) + len(str(item.edited))
        if some and (len(some) >= most or size + length > BATCH_CHARACTERS):
            yield tuple(some)
            some, size = [], 0
        some.append(item)
        size += length
    if some:
        yield tuple(some)


def _waited(ask: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """Run to the end in a loop of its own, also where the caller's thread has one that runs."""

    async def answered() -> ResultT:
        return await ask()

    with ThreadPoolExecutor(1, thread_name_prefix="editrefiner-rewards") as thread:
        return thread.submit(lambda: asyncio.run(answered())).result()


def _first(value: object) -> object:
    """A picture, or the first of a list of them."""
    return value[0] if isinstance(value, list | tuple) and value else value  # pyright: ignore[reportUnknownVariableType] — any list


def _picture(completion: object) -> object:
    """The picture of a completion: itself, or the last one in its messages; None where there is none."""
    if is_picture(completion) or isinstance(completion, str):
        return completion
    parts = [cast("Mapping[str, object]", part) for part in _parts(completion) if isinstance(part, Mapping)]
    pictures = [part["image"] for part in parts if "image" in part]
    return pictures[-1] if pictures else None


def _text(prompt: object) -> str:
    """The text of a prompt, which is text or a list of messages."""
    if isinstance(prompt, str):
        return prompt
    texts = [
        part if isinstance(part, str) else str(cast("Mapping[str, object]", part).get("text", ""))
        for part in _parts(prompt)
        if isinstance(part, str | Mapping)
    ]
    return "\n".join(text for text in texts if text)


def _parts(messages: object) -> list[object]:
    """The parts of the contents of messages, in order."""
    found: list[object] = []
    given = cast("Sequence[object]", messages) if isinstance(messages, list | tuple) else ()
    for message in given:
        if isinstance(message, Mapping):
            content = cast("Mapping[str, object]", message).get("content")
            found += cast("list[object]", content) if isinstance(content, list) else [content]
    return found
