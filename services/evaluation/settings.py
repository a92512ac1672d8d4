"""How is the evaluation service configured? `EVALUATION_...` variables."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from editrefiner.contracts import OverallKind
from editrefiner.serving import ServiceSettings


class Settings(ServiceSettings):
    """What all services share, on this service's port."""

    model_config = SettingsConfigDict(
        env_prefix="EVALUATION_", extra="ignore", frozen=True, use_attribute_docstrings=True
    )

    port: Annotated[int, Field(ge=0, le=65_535)] = 8104
    qwen3vl_base: Path = Path("weights/base")
    """Directory of Qwen3-VL-8B-Instruct; the path inside the weights is their author's and is not used."""
    qwen3vl_weights: Path = Path("weights/evaluation")
    """Directory of adapter, score head and processor files, or of a merged model with its head."""
    qwen3vl_positions: Literal["mrope", "linear"] = "mrope"
    """How picture tokens are numbered: by time, row and column, or on like words."""
    qwen3vl_overall: OverallKind = "geometric"
    """How the three scores become one; `arithmetic` is for parity with the published program."""
    qwen3vl_calibration: Path | None = None
    """File of what was measured of this very scorer; without it every interval is the whole scale."""
    qwen3vl_device: str = "auto"
    """A name that torch knows, or `auto`: a GPU where there is one."""
    qwen3vl_dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """`auto` is bfloat16 on a GPU and float32 on a CPU."""
    qwen3vl_batch: Annotated[int, Field(ge=1, le=64)] = 4
    """Edits of one request that go through the model together."""
    internvl_base: Path = Path("weights/internvl")
    """Directory of InternVL3_5-8B, as its authors publish it or in the layout of the transformers library."""
    internvl_visual: Path = Path("weights/lora_checkpoints_visual")
    """Directory of the EditHF adapters and head for this aspect; so are the next two."""
    internvl_alignment: Path = Path("weights/lora_checkpoints_alignment")
    internvl_preservation: Path = Path("weights/lora_checkpoints_preservation")
    internvl_acknowledged: bool = False
    """Whether the limits of the EditHF scorer are known; without it, it is not loaded."""
    internvl_calibration: Path | None = None
    """File of what was measured of this very scorer; without it all edits tie."""
    internvl_device: str = "auto"
    """A name that torch knows, or `auto`: a GPU where there is one."""
    internvl_dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """`auto` is bfloat16 on a GPU and float32 on a CPU."""
    judge_url: str | None = None
    """An OpenAI-compatible server, with its version: `http://127.0.0.1:8000/v1`; None = no judge."""
    judge_model: str | None = None
    """The model to ask there, which has to take pictures; None = no judge."""
    judge_api_key: SecretStr | None = None
    """Sent as a bearer token; None sends none."""
    judge_reading: Literal["logits", "samples"] = "logits"
    """By the probabilities of the score tokens, or the mean of sampled answers where a server has none."""
    judge_samples: Annotated[int, Field(ge=1, le=64)] = 5
    """Answers per dimension, where they are sampled."""
    judge_seed: Annotated[int, Field(ge=0)] = 0
    """Of the first sample; the others count on."""
    judge_timeout_seconds: Annotated[float, Field(gt=0)] = 60.0
    """Of one question to the judge."""
    judge_retries: Annotated[int, Field(ge=0, le=10)] = 3
    """Times that a busy or silent server is asked again."""
    judge_concurrency: Annotated[int, Field(ge=1, le=256)] = 4
    """Questions on their way at once."""
    judge_max_side: Annotated[int, Field(ge=64)] = 1024
    """Longest side of a picture that is sent, px."""
    judge_calibration: Path | None = None
    """File of what was measured of this very judge; without it every interval is the whole scale."""
