"""Named studies in workflow/studies: each is a valid configuration with results in a folder of its own."""

import shutil
import subprocess
from collections.abc import Iterator

import pytest
import yaml
from end_to_end.workspace import PROJECT, Workspace, data_files, merged

from pinnscape.study import study as studies

pytestmark = pytest.mark.xdist_group("workflow")

NAMES = sorted(path.stem for path in (PROJECT / "workflow/studies").glob("*.yaml"))
OTHER = {
    "study": {"losses": ["deep-ritz"], "seeds": [1]},
    "cases": {"poisson1d": {"quadrature": {"points": 12}}},
    "figures": {"seed": 1},
}


@pytest.fixture
def other(study: Workspace) -> Iterator[list[str]]:
    """Arguments of a second study, whose file and results are removed afterwards."""
    file, folder = study.root / "workflow/studies/other.yaml", study.root / "results/studies/other"
    file.write_text(yaml.safe_dump(merged(study.settings, OTHER)), encoding="utf-8")
    try:
        yield ["--configfile", str(file), "--directory", str(folder), "results/figures/planes-poisson1d.png"]
    finally:
        file.unlink()
        shutil.rmtree(folder.parent)


def test_another_study_and_back_again_reruns_nothing(study: Workspace, other: list[str]) -> None:
    before = {path: (study.root / path).read_bytes() for path in data_files(study.root)}
    assert ("train_network", "poisson1d", "deep-ritz", "1") in study.planned(*other)
    study.run(*other)
    assert (study.root / "results/studies/other/results/figures/planes-poisson1d.png").is_file()
    assert study.planned() == set()
    assert study.planned(*other) == set()
    assert all((study.root / path).read_bytes() == content for path, content in before.items())


@pytest.mark.parametrize("name", NAMES)
def test_a_named_study_is_a_valid_configuration(name: str) -> None:
    file = PROJECT / f"workflow/studies/{name}.yaml"
    found = studies.parse(yaml.safe_load(file.read_text(encoding="utf-8")), file.name)
    assert found.all_cases


def test_make_runs_a_named_study_in_a_folder_of_its_own_and_lists_the_names() -> None:
    def make(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["make", "-n", *arguments], cwd=PROJECT, check=False, capture_output=True, text=True)

    assert "--configfile workflow/studies/quick.yaml --directory results/studies/quick/" in make("STUDY=quick").stdout
    assert "results/studies" not in make().stdout
    unknown = make("STUDY=qick")
    assert unknown.returncode == 2
    assert f"there is no study qick in workflow/studies: {' '.join(NAMES)}" in unknown.stderr
