"""How is one question put to the judge's server? Chat completions with two pictures, with retries."""

import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import httpx

from services.evaluation.backends.judge.errors import JudgeRefusedError, JudgeUnavailableError
from services.evaluation.backends.judge.options import JudgeOptions

CONNECT_SECONDS = 5.0
LONGEST_WAIT_SECONDS = 30.0  # whatever a server names
TOKENS = {"logits": 1, "samples": 24}  # room for a digit with a few words around it
TOP = 20  # the most that the protocol allows
_BUSY = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


class JudgeClient:
    """A server and the model on it; usable from several threads."""

    def __init__(self, options: JudgeOptions, *, sleep: Callable[[float], None] = time.sleep) -> None:
        headers = {"Authorization": f"Bearer {options.api_key}"} if options.api_key else {}
        self._options = options
        self._sleep = sleep
        self._places = threading.BoundedSemaphore(options.concurrency)
        self._http = httpx.Client(
            headers=headers,
            timeout=httpx.Timeout(options.timeout_seconds, connect=CONNECT_SECONDS),
            follow_redirects=False,  # pictures and key go to the address of the settings and nowhere else
        )
        self._url = options.base_url.rstrip("/") + "/chat/completions"

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def ask(
        self, system: str, question: str, pictures: tuple[str, str], seed: int, checkpoint: Callable[[], None]
    ) -> Mapping[str, Any]:
        """The first choice of the answer; pictures are `data:` URIs, `checkpoint` raises when it is over."""
        body = self._body(system, question, pictures, seed)
        wait = self._options.backoff_seconds
        for attempt in range(self._options.retries + 1):
            checkpoint()
            last = attempt == self._options.retries
            try:
                with self._places:
                    response = self._http.post(self._url, json=body)
            except httpx.RequestError as error:  # a broken connection, or an answer that is no HTTP
                if last:
                    raise JudgeUnavailableError(
                        f"The server at EVALUATION_JUDGE_URL does not answer: {type(error).__name__}."
                    ) from error
            else:
                if response.status_code not in _BUSY:
                    return _first_choice(response)
                if last:
                    raise JudgeUnavailableError(
                        f"The judge answered {response.status_code} {attempt + 1} times.",
                        retry_after_seconds=_named_wait(response),
                    )
                wait = max(wait, _named_wait(response) or 0.0)
            self._sleep(min(wait, LONGEST_WAIT_SECONDS))
            wait *= 2
        raise AssertionError("the last attempt returns or raises")

    def _body(self, system: str, question: str, pictures: tuple[str, str], seed: int) -> dict[str, Any]:
        content = [{"type": "image_url", "image_url": {"url": picture}} for picture in pictures]
        samples = self._options.reading == "samples"
        return {
            "model": self._options.model,
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": [*content, {"type": "text", "text": question}]},
            ],
            "max_tokens": TOKENS[self._options.reading],
            "temperature": 1.0 if samples else 0.0,
            "seed": seed,
            **({} if samples else {"logprobs": True, "top_logprobs": TOP}),
        }


def is_address(url: str) -> bool:
    """Whether a server can be there."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return parsed.scheme in {"http", "https"} and bool(parsed.host)


def _first_choice(response: httpx.Response) -> Mapping[str, Any]:
    if response.status_code != HTTPStatus.OK:
        raise JudgeRefusedError(
            f"The judge refused the question with status {response.status_code}. "
            "Look at EVALUATION_JUDGE_URL, _MODEL and _API_KEY."
        )
    try:
        choice = response.json()["choices"][0]
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise JudgeRefusedError("The judge's server does not speak the chat-completions protocol.") from error
    if not isinstance(choice, dict):
        raise JudgeRefusedError("The judge's server does not speak the chat-completions protocol.")
    return choice


def _named_wait(response: httpx.Response) -> float | None:
    """Seconds of `Retry-After`; None when it is absent or a date."""
    value = response.headers.get("Retry-After", "")
    return min(float(value), LONGEST_WAIT_SECONDS) if value.isascii() and value.isdigit() else None
