"""A bundle says everything about a job, and proves that it is whole."""

import hashlib
import io
import json
import zipfile

import numpy as np
import pytest

from editrefiner.artifacts import decode_image
from orchestrator.bundle import BundleError, read_bundle, result_png, write_bundle
from orchestrator.jobs import JobInputs, NotFinishedError


async def bundle_of(world, **parameters) -> bytes:
    job = await world.drive(world.create(**parameters).id)
    out = io.BytesIO()
    write_bundle(out, job, world.store.steps(job.id), world.artifacts)
    return out.getvalue()


def rewritten(content: bytes, **changes) -> io.BytesIO:
    """The bundle with entries replaced (or, by None, left out)."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        names = {name.replace(".", "_"): name for name in old.namelist()}
        for key, name in names.items():
            if key not in changes:
                new.writestr(name, old.read(name))
            elif changes[key] is not None:
                new.writestr(name, changes[key])
        for name, data in changes.items():
            if name not in names and data is not None:
                new.writestr(name, data)
    return out


def artifact_name(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return next(name for name in archive.namelist() if name.startswith("artifacts/"))


async def test_a_bundle_holds_inputs_parameters_steps_versions_and_every_picture(world):
    bundle = read_bundle(io.BytesIO(await bundle_of(world, max_iterations=2, seed=7)))
    manifest = bundle.manifest
    assert manifest.inputs.instruction == "Make it brighter"
    assert manifest.inputs.parameters.seed == 7
    assert [step.kind for step in manifest.steps] == [
        "score",
        *("perceive", "diagnose", "edit", "rank"),
        *("perceive", "diagnose", "edit", "rank"),
    ]
    assert {step.backend_digest for step in manifest.steps} == {"0b" * 32}
    assert manifest.job.result is not None
    named = {ref.sha256 for ref in manifest.artifacts}
    assert {manifest.inputs.source.sha256, manifest.job.result.image.sha256} <= named
    for step in manifest.steps:
        for sha256 in shas(step.request) | shas(step.result):
            assert sha256 in named
    for sha256, content in bundle.pictures.items():
        assert hashlib.sha256(content).hexdigest() == sha256
    assert bundle.pictures.keys() == named
    assert bundle.result_png == bundle.pictures[manifest.job.result.image.sha256]


def shas(value) -> set[str]:
    if isinstance(value, dict):
        own = {value["sha256"]} if "sha256" in value else set()
        return own.union(*(shas(item) for item in value.values())) if value else own
    if isinstance(value, list):
        return set().union(*(shas(item) for item in value))
    return set()


async def test_the_same_job_gives_the_same_bytes(world):
    job = await world.drive(world.create(max_iterations=1).id)
    first, second = io.BytesIO(), io.BytesIO()
    for out in (first, second):
        write_bundle(out, job, world.store.steps(job.id), world.artifacts)
    assert first.getvalue() == second.getvalue()


async def test_a_bundle_of_a_job_that_is_not_over_is_refused(world):
    job = await world.drive(world.create().id, steps=2)
    with pytest.raises(NotFinishedError):
        write_bundle(io.BytesIO(), job, world.store.steps(job.id), world.artifacts)


async def test_a_canceled_job_without_a_result_has_a_bundle_without_one(world):
    job = world.store.request_cancel(world.create().id)
    out = io.BytesIO()
    write_bundle(out, job, [], world.artifacts)
    bundle = read_bundle(out)
    assert bundle.result_png is None
    assert bundle.manifest.job.status == "canceled"


async def test_the_result_gets_back_the_transparency_that_the_edit_came_with(world):
    plain = world.inputs(210)
    alpha = world.artifacts.put_pixels(np.arange(256, dtype=np.uint8).reshape(16, 16))
    inputs = JobInputs(plain.source, plain.edited, alpha, plain.instruction, plain.parameters)
    job = world.store.create(inputs, idempotency_key=None, body_sha256="0" * 64).job
    content = result_png(await world.drive(job.id), world.artifacts)
    assert content is not None
    decoded = decode_image(content, world.artifacts.limits)
    assert decoded.alpha is not None
    assert (decoded.alpha == np.arange(256).reshape(16, 16)).all()
    assert np.unique(decoded.pixels).tolist() == [210]


async def test_a_changed_picture_is_found(world):
    content = await bundle_of(world, brightness=210)
    name = artifact_name(content)
    with pytest.raises(BundleError, match="damaged"):
        read_bundle(rewritten(content, **{name.replace(".", "_"): b"other bytes"}))


async def test_a_changed_result_is_found(world):
    content = await bundle_of(world, brightness=210)
    with pytest.raises(BundleError, match="damaged"):
        read_bundle(rewritten(content, result_png=b"other bytes"))


async def test_a_missing_picture_is_found(world):
    content = await bundle_of(world, brightness=210)
    with pytest.raises(BundleError, match="lacks artifacts/"):
        read_bundle(rewritten(content, **{artifact_name(content).replace(".", "_"): None}))


@pytest.mark.parametrize("name", ["../../etc/cron.d/evil", "/etc/passwd", "artifacts/../x.png", "extra.txt"])
async def test_an_entry_that_the_manifest_does_not_name_is_refused(world, name):
    content = await bundle_of(world, brightness=210)
    with pytest.raises(BundleError, match="does not name"):
        read_bundle(rewritten(content, **{name: b"x"}))


async def test_a_manifest_of_another_format_is_refused(world):
    content = await bundle_of(world, brightness=210)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    manifest["format_version"] = 2
    with pytest.raises(BundleError, match="format version 1"):
        read_bundle(rewritten(content, manifest_json=json.dumps(manifest)))
    for text in ("[]", "{", "[" * 100_000):
        with pytest.raises(BundleError):
            read_bundle(rewritten(content, manifest_json=text))


@pytest.mark.parametrize("value", ["NaN", "1e999", '"\\ud800"'])
async def test_a_manifest_of_values_that_json_does_not_have_is_refused(world, value):
    content = await bundle_of(world, brightness=210)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    manifest["steps"][0]["result"]["surprise"] = "here"
    text = json.dumps(manifest).replace('"here"', value)
    with pytest.raises(BundleError, match="format version 1"):
        read_bundle(rewritten(content, manifest_json=text))


async def test_a_bundle_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(world):
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", b"0" * 50_000_000)
    assert len(bomb.getvalue()) < 100_000
    with pytest.raises(BundleError, match="unpacks to"):
        read_bundle(bomb, max_total_bytes=1_000_000)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip at all" * 100])
def test_what_is_no_zip_is_refused(content):
    with pytest.raises(BundleError):
        read_bundle(io.BytesIO(content))


async def test_a_bundle_cut_short_at_any_place_is_refused(world):
    content = await bundle_of(world, brightness=210)
    for length in range(0, len(content), max(1, len(content) // 50)):
        with pytest.raises(BundleError):
            read_bundle(io.BytesIO(content[:length]))


async def test_a_flipped_byte_never_gives_a_wrong_bundle(world):
    content = await bundle_of(world, brightness=210)
    whole = read_bundle(io.BytesIO(content))
    for place in range(0, len(content), max(1, len(content) // 100)):
        damaged = bytearray(content)
        damaged[place] ^= 0x55
        try:
            read = read_bundle(io.BytesIO(bytes(damaged)))
        except BundleError:
            continue
        assert read.pictures == whole.pictures  # the byte was one that a zip does not need
        assert read.result_png == whole.result_png
