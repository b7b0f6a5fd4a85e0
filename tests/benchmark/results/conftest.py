import pytest
from invented_summaries import TASKS

from benchmark import registry


@pytest.fixture
def invented_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tasks of invented summaries in place of the registered ones."""
    monkeypatch.setattr(registry, "load", lambda kind, name: TASKS[name])
