"""A chat-completions server on this machine."""

from collections.abc import Iterator

import pytest

from tests.evaluation.judge.chat_server import Server, answering, bound


@pytest.fixture
def server() -> Iterator[Server]:
    """The server, on a free port of this machine."""
    with bound() as state, answering(state):
        yield state
        for judge in state.judges:
            judge.close()
