"""How does a test ask the job API?"""

import base64

import httpx


def form(png, *, edited: bytes | None = None, **fields: str) -> dict:
    """A complete request as a form."""
    return {
        "files": {
            "source": ("source.png", png(50), "image/png"),
            "edited": ("edited.png", edited or png(100), "image/png"),
        },
        "data": {"instruction": "Make it brighter", **fields},
    }


def data_uri(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode()


def body(png, **changes) -> dict:
    """A complete request as JSON."""
    return {
        "source": data_uri(png(50)),
        "edited": data_uri(png(100)),
        "instruction": "Make it brighter",
        **changes,
    }


async def create(api: httpx.AsyncClient, png, **changes) -> str:
    answer = await api.post("/v1/jobs", json=body(png, **changes))
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]
