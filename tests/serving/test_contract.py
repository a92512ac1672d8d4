"""The scripted agent obeys the contract of every service."""

from pathlib import Path

import pytest

from tests.serving.contract import ServiceContract, Subject
from tests.serving.scripted import picture, question, scripted_app


class TestScriptedService(ServiceContract):
    @pytest.fixture
    def subject(self, tmp_path: Path) -> Subject:
        return Subject(
            service="evaluation",
            create_app=lambda: scripted_app(tmp_path),
            requests={
                "/v1/score": question(),
                "/v1/rank": {
                    "source": picture(0),
                    "candidates": [picture(1), picture(2)],
                    "instruction": "rank",
                },
            },
        )
