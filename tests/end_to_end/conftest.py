"""One tiny study, run for real once."""

from pathlib import Path

import pytest
from end_to_end.workspace import Workspace


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process runs all tests of the workflow, so that they share the finished study; it starts with them, the longest."""
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    for item in here:
        item.add_marker(pytest.mark.xdist_group("workflow"))
    items.sort(key=lambda item: Path(__file__).parent not in item.path.parents)


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A finished tiny study. A test that edits it leaves it as it was."""
    workspace = Workspace(tmp_path_factory.mktemp("study"))
    workspace.run()
    return workspace
