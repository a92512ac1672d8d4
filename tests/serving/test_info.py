"""What a service says about itself."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from editrefiner.contracts import BackendInfo, ServiceInfo, WeightsFile
from editrefiner.serving import Reading, create_service
from editrefiner.serving.settings import ServiceSettings
from tests.serving.scripted import VERBS, ScriptedAgent, client_of, question, scripted_app, store_at

WEIGHTS = WeightsFile(
    name="net.safetensors", sha256="5c" * 32, licence="Apache-2.0", origin="training/compact"
)


class Trained(ScriptedAgent):
    @property
    def backend(self) -> BackendInfo:
        return BackendInfo(
            name="scripted",
            version="1",
            digest=self.digest,
            weights=(WEIGHTS,),
            training_data="Photographs with painted flaws.",
        )


async def test_a_backend_without_weights_is_described_as_before(tmp_path: Path) -> None:
    async with client_of(scripted_app(tmp_path)) as client:
        info = (await client.get("/v1/info")).json()
    assert set(info) == {"service", "version", "contract_version", "backend", "limits"}
    assert set(info["backend"]) == {"name", "version", "digest", "licence", "provisional"}
    assert set(info["limits"]) == {
        "max_image_bytes",
        "max_image_pixels",
        "max_image_side",
        "max_image_ratio",
        "max_queue",
    }


async def test_a_trained_backend_names_every_file_of_weights(tmp_path: Path) -> None:
    async with client_of(scripted_app(tmp_path, Trained())) as client:
        info = (await client.get("/v1/info")).json()
        answer = (await client.post("/v1/score", json=question())).json()
    assert info["backend"]["weights"] == [WEIGHTS.model_dump()]
    assert info["backend"]["training_data"] == "Photographs with painted flaws."
    assert answer["backend"] == info["backend"]


async def test_the_key_of_a_run_knows_the_digest_and_not_the_list_of_weights(tmp_path: Path) -> None:
    async with client_of(scripted_app(tmp_path)) as client:
        await client.post("/v1/score", json=question())
    async with client_of(scripted_app(tmp_path, Trained())) as client:
        again = await client.post("/v1/score", json=question())
    assert again.headers["idempotent-replayed"] == "true"


async def test_how_to_read_the_answers_is_asked_of_the_loaded_agent(tmp_path: Path) -> None:
    def read(agent: ScriptedAgent) -> Reading:
        return Reading(thresholds={"score": 0.25}, conventions={"scores": f"by {agent.backend.name}"})

    app = create_service(
        name="evaluation",
        settings=ServiceSettings(),
        store=store_at(tmp_path),
        verbs=VERBS,
        load=ScriptedAgent,
        read=read,
    )
    async with client_of(app) as client:
        info = ServiceInfo.model_validate_json((await client.get("/v1/info")).content)
    assert (info.thresholds, info.conventions) == ({"score": 0.25}, {"scores": "by scripted"})


def test_an_older_description_is_still_read() -> None:
    older = '{"name": "compact", "version": "1", "digest": "' + "0b" * 32 + '"}'

    assert BackendInfo.model_validate_json(older).weights == ()


@pytest.mark.parametrize("change", [{"sha256": "5C" * 32}, {"name": ""}, {"licence": ""}])
def test_a_file_of_weights_has_a_name_a_digest_and_a_licence(change: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        WeightsFile.model_validate({**WEIGHTS.model_dump(), **change})
