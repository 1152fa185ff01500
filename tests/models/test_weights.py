"""Trained weights in files of several programs, and those that do not fit."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from pinnscape.common.errors import ModelError
from pinnscape.models.weights import loaded, read


def net() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))


def changed(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value + 1 for name, value in module.state_dict().items()}


SHAPES = {
    "itself": lambda state: state,
    "checkpoint": lambda state: {"epoch": 3, "model_state_dict": state, "optimizer": {"lr": 0.1}},
    "lightning": lambda state: {"state_dict": {f"model.{name}": value for name, value in state.items()}},
    "parallel": lambda state: {f"module.{name}": value for name, value in state.items()},
}


@pytest.mark.parametrize("kind", SHAPES)
def test_weights_are_found_in_the_files_of_several_programs(tmp_path: Path, kind: str) -> None:
    module, path = net(), tmp_path / "w.pt"
    torch.save(SHAPES[kind](changed(module)), path)
    given = loaded(module, path)
    assert all(torch.equal(value, changed(module)[name]) for name, value in given.state_dict().items())
    assert given is not module


def test_safetensors_are_read(tmp_path: Path) -> None:
    module = net()
    save_file(changed(module), tmp_path / "w.safetensors")
    given = loaded(module, tmp_path / "w.safetensors")
    assert all(torch.equal(value, changed(module)[name]) for name, value in given.state_dict().items())


class Code:
    """What a pickle may run when it is read."""

    ran = False

    def __reduce__(self):
        return setattr, (Code, "ran", True)


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    torch.save({"weight": Code()}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match=r"w\.pt: not a readable file of weights: .*"):
        read(tmp_path / "w.pt")
    assert not Code.ran


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    module, state = net(), net().state_dict()
    wrong = {
        "it lacks 2.bias": {name: value for name, value in state.items() if name != "2.bias"},
        "it has 3.bias, which the module lacks": state | {"3.bias": torch.zeros(1)},
        r"0.weight has the shape \(4, 2\), that of the module \(3, 2\)": state | {"0.weight": torch.zeros(4, 2)},
    }
    for message, given in wrong.items():
        torch.save(given, tmp_path / "w.pt")
        with pytest.raises(ModelError, match=rf"w\.pt: does not fit the module that model\(\) makes: {message}$"):
            loaded(module, tmp_path / "w.pt")


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04"])
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_damaged_files_are_refused_in_one_line(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not a readable file of weights") as error:
        read(path)
    assert "\n" not in str(error.value)


def test_a_file_with_other_things_has_no_weights(tmp_path: Path) -> None:
    torch.save({"loss": 3.0}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match=r"contains no weights; save module\.state_dict\(\)"):
        read(tmp_path / "w.pt")
