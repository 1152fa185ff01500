"""One cluster for all tests of this folder, and one study that has been run on it and on this machine."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from slurm.cluster import cluster, obstacle


@pytest.fixture(scope="session")
def slurm() -> Iterator[Path]:
    """The cluster; gives the folder of its logs."""
    hindrance = obstacle()
    if hindrance and os.environ.get("CI"):
        pytest.fail(f"no Slurm cluster can be started: {hindrance}")
    if hindrance:
        pytest.skip(f"no Slurm cluster can be started: {hindrance}")
    with cluster() as folder:
        yield folder
