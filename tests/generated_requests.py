"""How is a service tried with requests that its API document allows? By schemathesis, against its port."""

import sys
from pathlib import Path

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "unsupported_method",
)
# A full queue, a deadline of a millisecond: valid requests, and 503 and 504 are their valid answers.
CONFIG = '[checks.not_a_server_error]\nexpected-statuses = ["2xx", "3xx", "4xx", 503, 504]\n'


def schemathesis(directory: Path, port: int, *options: str) -> list[str]:
    """The command line; its configuration is written to the directory."""
    config = directory / "schemathesis.toml"
    config.write_text(CONFIG)
    return [
        str(Path(sys.executable).with_name("schemathesis")),
        f"--config-file={config}",
        "run",
        f"http://127.0.0.1:{port}/openapi.json",
        f"--checks={','.join(CHECKS)}",
        "--no-color",
        *options,
    ]
