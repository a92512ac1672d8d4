"""How pictures get in and out."""

import httpx
import numpy as np
import pytest

from editrefiner.artifacts import decode_image
from tests.orchestrator.asking import form


async def test_an_uploaded_picture_comes_back_bit_for_bit_and_is_never_shown_as_a_page(world, png):
    async with world.api() as api:
        made = await api.post("/v1/artifacts", files={"file": ("a.png", png(33), "image/png")})
        assert made.status_code == 201
        ref = made.json()
        assert (ref["width"], ref["height"]) == (16, 16)
        answer = await api.get(httpx.URL(made.headers["location"]).path)
        assert np.unique(decode_image(answer.content, world.artifacts.limits).pixels).tolist() == [33]
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-disposition"].startswith("attachment")
        tag = {"If-None-Match": answer.headers["etag"]}
        assert (await api.get(f"/v1/artifacts/{ref['sha256']}", headers=tag)).status_code == 304
        assert (await api.get(f"/v1/artifacts/sha256:{ref['sha256']}")).status_code == 200


async def test_only_pictures_are_downloaded(world):
    blob = world.artifacts.put_bytes(b"<script>alert(1)</script>")
    async with world.api() as api:
        assert (await api.get(f"/v1/artifacts/{blob}")).status_code == 415
        assert (await api.get(f"/v1/artifacts/{'0' * 64}")).status_code == 404
        assert (await api.get("/v1/artifacts/..%2F..%2Fetc%2Fpasswd")).status_code in (404, 422)


@pytest.mark.parametrize(("content", "status"), [(b"", 422), (b"GIF89a", 415), (b"%PDF-1.7", 415)])
async def test_what_is_no_picture_is_not_uploaded(world, content, status):
    async with world.api() as api:
        answer = await api.post("/v1/artifacts", files={"file": ("a.png", content, "image/png")})
        assert answer.status_code in {status, 415}
        assert answer.headers["content-type"] == "application/problem+json"


async def test_limits_of_pictures_hold_for_uploads_and_jobs(world, png):
    async with world.api() as api:
        wide = png(width=3000, height=16)
        assert (await api.post("/v1/artifacts", files={"file": wide})).status_code == 413
        assert (await api.post("/v1/jobs", **form(png, edited=wide))).status_code == 413
