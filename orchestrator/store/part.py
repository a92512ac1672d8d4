"""What do all parts of the store work with?"""

from orchestrator.store.database import Database
from orchestrator.store.held import Rules
from orchestrator.store.ids import JobIds


class StorePart:
    """A part of the job store: some of its methods, over the database and the rules that all parts share."""

    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules
        self._ids = JobIds()
