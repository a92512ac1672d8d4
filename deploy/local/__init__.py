"""The production topology as plain processes on one machine: PostgreSQL, Valkey, API, workers, agents."""

from deploy.local.processes import ManagedProcess
from deploy.local.servers import PostgresServer, free_port, valkey
from deploy.local.topology import Topology

__all__ = ["ManagedProcess", "PostgresServer", "Topology", "free_port", "valkey"]
