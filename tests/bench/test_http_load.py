import asyncio

import pytest

from bench.http_load import ask, http_request, load


@pytest.fixture
async def port():
    """A server that answers every request on a connection with 200 and its path."""

    async def serve(reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ")[1]
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(path), path))
        except asyncio.IncompleteReadError:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_a_connection_is_used_again_and_again(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = [await ask(reader, writer, http_request(f"/{number}")) for number in range(3)]
    writer.close()

    assert answers == [(200, b"/0"), (200, b"/1"), (200, b"/2")]


async def test_a_load_counts_what_was_answered(port):
    found = await asyncio.to_thread(load, port, http_request("/x"), connections=2, seconds=0.2)

    assert set(found.statuses) == {"200"}
    assert found.requests >= 2
    assert 0 < found.p50_ms <= found.p99_ms
