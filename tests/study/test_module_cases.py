"""Cases with a torch module: their losses, seeds and weights, what they lack, and what is said of those that cannot be used."""

from pathlib import Path
from typing import Any

import pytest
import torch
from models.model_texts import BATCHES, BUFFER, PINN, TRAINING
from study_cases import changed, checked

from pinnscape.common.errors import StudyError
from pinnscape.models.file import load
from pinnscape.study.module_case import ModuleCase
from pinnscape.study.study import Study

ADAM = [{"optimizer": "adam", "steps": 5, "learning_rate": 0.01}]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a study with the files of some modules, and weights of two runs."""
    monkeypatch.chdir(tmp_path)
    for name, text in {"pinn": PINN, "training": TRAINING, "batches": BATCHES, "buffer": BUFFER}.items():
        (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
    save("pinn.py", "runs/3", "runs/5")
    return tmp_path


def save(module: str, *folders: str, steps: tuple[int, ...] = (0, 10, 20), **parameters: float) -> None:
    for seed, folder in enumerate(folders):
        Path(folder).mkdir(parents=True, exist_ok=True)
        for step in steps:
            torch.save(load(module).module(parameters, seed=10 * seed + step).state_dict(), Path(folder) / f"step-{step}.pt")


def study(**case: Any) -> Study:
    return checked(changed(("cases", {"mine": case})))


def case(**settings: Any) -> ModuleCase:
    found = study(**settings).all_cases["mine"]
    assert isinstance(found, ModuleCase)
    return found


def test_the_workflow_trains_all_losses_with_the_seeds_of_the_study() -> None:
    found = case(module="pinn.py", parameters={"width": 25})
    assert (found.losses, found.seeds, found.trained_by) == (("pinn", "fit"), (0, 1, 2), "workflow")
    assert found.known.several == ("pinn",)
    assert found.has_terms
    assert found.size == 2 * 25 + 25 + 25 + 1
    assert case(module="pinn.py", parameters={"width": 30}, losses=["fit"]).losses == ("fit",)


def test_a_module_that_trains_itself_is_trained_on_its_first_loss_or_the_stated_one() -> None:
    assert (case(module="training.py", parameters={"width": 25}).trained_by) == "module"
    assert case(module="training.py", parameters={"width": 25}).losses == ("pinn",)
    assert case(module="training.py", parameters={"width": 25}, losses=["fit"]).losses == ("fit",)


def test_runs_steps_and_seeds_come_from_the_paths() -> None:
    save("pinn.py", "runs/3", "runs/5", width=25)
    found = case(module="pinn.py", parameters={"width": 25}, checkpoints="runs/*/step-*.pt")
    assert (found.losses, found.seeds, found.trained_by) == (("pinn",), (3, 5), "checkpoints")
    assert [path.name for path in found.weights_of("pinn", 5)] == ["step-0.pt", "step-10.pt", "step-20.pt"]
    assert found.shown_seed(0) == 3
    assert found.shown_seed(5) == 5


def test_paths_may_name_the_losses() -> None:
    save("pinn.py", "w/fit-3", "w/pinn-3", width=25)
    found = case(module="pinn.py", parameters={"width": 25}, checkpoints="w/{loss}-{seed}/step-{step}.pt")
    assert (found.losses, found.seeds) == (("pinn", "fit"), (3,))
    assert found.weights_of("fit", 3)[0].parent.name == "fit-3"


def test_what_a_module_lacks_is_left_out_with_its_reason() -> None:
    found = checked(changed(("cases", {"mine": {"module": "pinn.py", "parameters": {"width": 25}}}), ("extended", True)))
    assert found.left_out("mine") == {
        "noise": "needs mini-batches",
        "ntk": "needs the residuals of pinn and fit",
        "refinement": "needs the residuals of pinn and fit",
        "roughness_rules": "needs a boundary value problem",
    }
    alone = case_of_batches().left_out("mine")
    assert alone["formulations"] == alone["alike"] == "needs two losses"
    assert alone["intrinsic_dimension"] == "needs errors of a known solution: error() measures no l2_error"
    assert not {"noise", "ntk"} & set(alone)
    trained = study(module="training.py", parameters={"width": 25}).left_out("mine")
    assert trained["formulations"] == "needs trainings on pinn and fit"
    assert "alike" not in trained


def case_of_batches() -> Study:
    small = [
        ("hessian.extremes", 2),
        ("hessian.density.deflate", 2),
        ("claims.alike.subspace", 2),
        ("claims.well_conditioned.rank", 5),
        ("extended", True),
    ]
    return checked(changed(("cases", {"mine": {"module": "batches.py"}}), *small))


def test_what_is_known_of_a_module_is_kept_until_something_changes(here: Path) -> None:
    def kept() -> set[Path]:
        return set((here / ".cache/models").glob("*.json"))

    case(module="pinn.py", parameters={"width": 25})
    before = kept()
    assert len(before) == 1
    case(module="pinn.py", parameters={"width": 25})
    assert kept() == before
    (here / "pinn.py").write_text(PINN + "\n# a remark", encoding="utf-8")
    case(module="pinn.py", parameters={"width": 25})
    assert len(kept()) == 2
    next(iter(before)).write_text("damaged", encoding="utf-8")
    (here / "pinn.py").write_text(PINN, encoding="utf-8")
    assert case(module="pinn.py", parameters={"width": 25}).losses == ("pinn", "fit")


def test_a_sweep_varies_an_argument_of_model() -> None:
    sweeps = {"width": {"case": "mine", "vary": "parameters.width", "values": [25, 30]}}
    found = checked(changed(("cases", {"mine": {"module": "pinn.py", "parameters": {"width": 25}}}), ("sweeps", sweeps)))
    assert found.cases == ("mine", "width-30")
    assert [case.size for case in found.all_cases.values()] == [4 * 25 + 1, 4 * 30 + 1]


FAULTS = {
    "cases.mine.module: digit: no such model": {"module": "digit"},
    "cases.mine.module: none.py: cannot be read": {"module": "none.py"},
    "cases.mine.module: pinn.py: model() has no argument depth": {"module": "pinn.py", "parameters": {"depth": 2}},
    "cases.mine.problem: has no effect on a case with a module": {"module": "pinn.py", "problem": "poisson2d"},
    "cases.mine.quadrature: has no effect on a case with a module": {"module": "pinn.py", "quadrature": {"points": 9}},
    "cases.mine.checkpoints: no file matches none/*.pt": {"module": "pinn.py", "checkpoints": "none/*.pt"},
    "cases.mine.module: runs/3/step-0.pt: does not fit the module that model() makes: 0.weight has the shape": {
        "module": "pinn.py", "checkpoints": "runs/*/step-*.pt", "parameters": {"width": 25},
    },
    "cases.mine.losses: must be losses of the module (pinn, fit); got 'pin'; did you mean pinn?": {"module": "pinn.py", "losses": ["pin"]},
    "cases.mine.losses: must be the one loss that was minimised; got pinn, fit": {"module": "training.py", "losses": ["pinn", "fit"]},
    "cases.mine.module: pinn.py: has no loss other to compare; it has pinn, fit": {"module": "pinn.py", "compared": ["pinn", "other"]},
    "cases.mine.training: has no effect, because the module trains itself": {"module": "training.py", "training": {"log_every": 3}},
    "cases.mine.training.minibatches: must be false, because the file": {"module": "pinn.py", "training": {"minibatches": True, "phases": ADAM}},
    "cases.mine.training.phases: must be phases of adam": {"module": "batches.py", "training": {"minibatches": True}},
    "cases.mine.module: buffer.py: seed 1: its frequency is not that of the other weights and changes the losses": {"module": "buffer.py"},
    "cases.mine.checkpoints: must match at least 3 files of each run for the trajectory plane; got 1": {
        "module": "pinn.py", "checkpoints": "few/*/step-*.pt",
    },
    "cases.mine.checkpoints: has weights of other, which is not a loss of the module": {"module": "pinn.py", "checkpoints": "bad/{loss}-{seed}/step-{step}.pt"},
    "cases.mine.checkpoints: has weights of seed 2, but none of pinn": {"module": "pinn.py", "checkpoints": "half/{loss}-{seed}/step-{step}.pt"},
}  # fmt: skip


@pytest.mark.parametrize("message", FAULTS)
def test_what_cannot_be_used_is_refused_in_one_line(message: str) -> None:
    save("pinn.py", "few/1", steps=(0,))
    save("pinn.py", "bad/other-1")
    save("pinn.py", "half/pinn-1", "half/fit-2", "half/fit-1")
    with pytest.raises(StudyError) as error:
        study(**FAULTS[message])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("key", ["checkpoints", "losses", "compared"])
def test_keys_of_modules_are_refused_for_problems(key: str) -> None:
    value = "runs/*.pt" if key == "checkpoints" else ["a", "b"]
    with pytest.raises(
        StudyError, match=f"cases.mine.{key}: has no effect on a case with a problem; remove {key}, or add module"
    ):
        study(problem="poisson2d", **{key: value})
    with pytest.raises(StudyError, match=r"training\.minibatches: must be false for a boundary value problem"):
        study(problem="poisson2d", training={"minibatches": True})


def test_settings_of_the_training_do_not_matter_to_weights_that_are_trained_elsewhere() -> None:
    save("pinn.py", "runs/3", width=25)
    cases = {
        "here": {"module": "pinn.py", "parameters": {"width": 25}},
        "itself": {"module": "training.py", "parameters": {"width": 25}},
        "elsewhere": {"module": "pinn.py", "parameters": {"width": 25}, "checkpoints": "runs/3/step-*.pt"},
    }
    one, other = (checked(changed(("cases", cases), ("training.snapshots", {"even": n, "logarithmic": 0}))) for n in (5, 6))
    assert one.training("here") != other.training("here")
    assert one.training("itself") == one.training("elsewhere") == other.training("itself") == {}
    with pytest.raises(
        StudyError, match="must be at least 3, even and logarithmic together, for the trajectory plane of here; got 1 and 0"
    ):
        checked(changed(("cases", cases), ("training.snapshots", {"even": 1, "logarithmic": 0})))
    del cases["here"]
    checked(changed(("cases", cases), ("training.snapshots", {"even": 1, "logarithmic": 0})))


def test_the_baseline_of_claims_is_a_case_and_its_first_loss() -> None:
    cases = {"mine": {"module": "pinn.py", "parameters": {"width": 25}}, "poisson2d": {}}
    wanted = ("claims.data_driven.baseline", "mine")
    assert checked(changed(("cases", cases), wanted)).baseline() == ["mine", "pinn"]
    assert checked(changed(("cases", cases))).baseline() == [], "there is no case digits"
    with pytest.raises(
        StudyError, match=r"claims\.data_driven\.baseline: must be a case \(mine, poisson2d\); got 'min'; did you mean mine\?"
    ):
        checked(changed(("cases", cases), ("claims.data_driven.baseline", "min")))
