"""The servers of the topology come up again where they were put."""

from pathlib import Path

import pytest

from deploy.local.servers import PostgresServer, free_port


@pytest.mark.process
def test_a_folder_that_another_program_closed_does_not_keep_postgresql_from_starting_again(
    tmp_path: Path,
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    server = PostgresServer(shared / "postgresql", port=free_port(), environment={})
    server.start()
    try:
        server.kill()
        shared.chmod(0o700)
        server.start()
        server.wait_ready()
    finally:
        server.kill()
