"""Tiny studies, each run for real once."""

import pytest
from end_to_end.workspace import EXTENDED, Workspace


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A finished tiny study, and what the quiet form of its run said. A test that edits it leaves it as it was."""
    workspace = Workspace(tmp_path_factory.mktemp("study"))
    workspace.said = workspace.run("--logger", "pinnscape")
    return workspace


@pytest.fixture(scope="session")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A tiny study of one problem with every technique, finished but for figures that the study above has."""
    workspace = Workspace(tmp_path_factory.mktemp("extended"), "tiny_techniques.yaml")
    workspace.run(*EXTENDED)
    return workspace
