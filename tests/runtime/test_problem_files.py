"""Files of problems in an archive: a study can be run again from it alone."""

from pathlib import Path

import pytest
import torch
import yaml
from models.model_texts import PINN
from study_cases import changed, checked

from pinnscape.common.errors import StorageError
from pinnscape.models.file import load
from runtime import archive
from runtime.problem_files import collected

MINE = """
from shapes.waves import wave

from pinnscape.problems.language import Initial, Parameter, Periodic, Problem, SpaceTime, pi


class Mine(Problem):
    domain = SpaceTime(x=(0, 2 * pi), t=(0, 1))
    beta = Parameter(2.0)

    def conditions(self):
        return Initial(lambda p: wave(p.x)), Periodic("x")

    def residual(self, p, u):
        return u.t + self.beta * u.x
"""
WAVES = "from pinnscape.problems.language import sin\n\n\ndef wave(x):\n    return sin(x)\n"


def written(folder: Path, name: str = "mine.py") -> Path:
    """A problem, a package beside it that it imports, and a module that it does not."""
    (folder / "shapes").mkdir(parents=True)
    (folder / name).write_text(MINE)
    (folder / "shapes/__init__.py").write_text("")
    (folder / "shapes/waves.py").write_text(WAVES)
    (folder / "unused.py").write_text("")
    return folder / name


def unpacked(folder: Path, members: dict[str, Path], config: dict) -> None:
    """What an archive of these gives in an empty folder."""
    archive.write(folder / "archive.zip", members | {"config.yaml": yaml.safe_dump(config).encode(), "versions.json": b"{}"})
    for name in archive.check(folder / "archive.zip").names:
        (folder / "new" / name).parent.mkdir(parents=True, exist_ok=True)
        archive.extract(folder / "archive.zip", name, folder / "new" / name)


def test_a_file_in_the_folder_of_the_study_keeps_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "my_problems")
    study = checked(changed(("cases", {"mine": {"problem": "my_problems/mine.py:Mine"}, "poisson1d": {}})))
    members, config = collected(study.complete())
    assert set(members) == {f"my_problems/{name}" for name in ("mine.py", "shapes/__init__.py", "shapes/waves.py")}
    assert config == study.complete()


def test_a_file_elsewhere_gets_a_name_in_the_archive(tmp_path, monkeypatch):
    (tmp_path / "study").mkdir()
    monkeypatch.chdir(tmp_path / "study")
    own = written(tmp_path / "own things", "my problem.py")
    cases = {"a": {"problem": "../own things/my problem.py", "parameters": {"beta": 3}}, "b": {"problem": f"{own}:Mine"}}
    study = checked(changed(("cases", cases)))
    members, config = collected(study.complete())
    assert config["cases"]["a"] == {"problem": "problems/1/my_problem.py", "parameters": {"beta": 3.0}}
    assert config["cases"]["b"] == {"problem": "problems/2/my_problem.py:Mine"}
    unpacked(tmp_path, members, config)
    monkeypatch.chdir(tmp_path / "new")
    again = checked(yaml.safe_load(Path("config.yaml").read_text()))
    assert [again.losses(case) for case in again.cases] == [study.losses(case) for case in study.cases]
    assert again.all_cases["a"].problem.parameters == {"beta": 3.0}


def test_files_of_a_sweep_over_problems_are_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "my_problems")
    sweep = {"case": "poisson2d", "vary": "problem", "values": ["my_problems/mine.py", "semilinear2d"]}
    members, config = collected(checked(changed(("sweeps", {"equation": sweep}))).complete())
    assert "my_problems/shapes/waves.py" in members
    assert config["sweeps"]["equation"]["values"] == sweep["values"]


def test_a_study_of_the_library_has_no_such_files():
    members, config = collected(checked(changed()).complete())
    assert members == {}
    assert config == checked(changed()).complete()


def test_a_module_whose_name_no_archive_takes_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = written(tmp_path / "own")
    path.write_text(MINE.replace("shapes.waves", "größe"))
    (tmp_path / "own/größe.py").write_text(WAVES)
    members, _ = collected(checked(changed(("cases", {"mine": {"problem": "own/mine.py"}}))).complete())
    with pytest.raises(StorageError, match=r"own/größe\.py: cannot be a member of an archive; use letters, digits"):
        archive.write(tmp_path / "archive.zip", members)


# ---- modules ----


def weights(folder: Path) -> None:
    for seed in (0, 1):
        (folder / f"seed-{seed}").mkdir(parents=True)
        for step in (0, 1, 2):
            torch.save(
                load(str(folder.parent / "mine.py")).module(seed=seed + step).state_dict(), folder / f"seed-{seed}/{step}.pt"
            )


@pytest.mark.parametrize("inside", [True, False])
def test_modules_and_their_weights_are_there(tmp_path, monkeypatch, inside):
    own = tmp_path / ("study" if inside else "own things")
    own.mkdir(parents=True)
    (tmp_path / "study").mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path / "study")
    (own / "mine.py").write_text(PINN.replace("width=4", "width=25"), encoding="utf-8")
    weights(own / "runs")
    start = "" if inside else "../own things/"
    cases = {"mine": {"module": f"{start}mine.py", "checkpoints": f"{start}runs/*/*.pt"}, "digits": {"module": "digits"}}
    study = checked(changed(("cases", cases)))
    members, config = collected(study.complete())
    assert sum(name.endswith(".pt") for name in members) == 6
    assert config["cases"]["digits"] == {"module": "digits"}
    if inside:
        assert config == study.complete()
    unpacked(tmp_path, members, config)
    monkeypatch.chdir(tmp_path / "new")
    again = checked(yaml.safe_load(Path("config.yaml").read_text()))
    assert again.seeds("mine") == study.seeds("mine") == (0, 1)
    assert again.losses("mine") == ("pinn",)
