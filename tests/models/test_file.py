"""Files that define torch modules: what is read from them, and what is said of those that cannot be used."""

import sys
from pathlib import Path

import pytest
import torch
from models.model_texts import BATCHES, BUFFER, PINN
from torch import nn

from pinnscape.common.errors import ModelError
from pinnscape.models.entries import together
from pinnscape.models.file import load
from pinnscape.models.registry import MODELS, file_of


def written(folder: Path, text: str) -> str:
    path = folder / "mine.py"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_parameters_of_a_case_are_arguments_of_model(tmp_path: Path) -> None:
    found = load(written(tmp_path, PINN))
    module = found.module({"width": 7.0, "beta": 3})
    assert module[0].out_features == 7
    assert module.beta == 3
    assert found.module()[0].out_features == 4


def test_the_seed_decides_the_initial_parameters_and_leaves_torch_as_it_was(tmp_path: Path) -> None:
    found, state = load(written(tmp_path, PINN)), torch.random.get_rng_state()
    one, same, other = (found.module(seed=seed)[0].weight for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_function_for_all_losses_becomes_one_function_for_each(tmp_path: Path) -> None:
    found = load(written(tmp_path, BUFFER))
    module = found.module()
    functions, values = found.functions(module), found.losses(module)
    assert list(functions) == ["fit", "size"]
    assert all(torch.equal(functions[name](module), values[name]) for name in values)


def test_losses_of_one_function_are_evaluated_together(tmp_path: Path) -> None:
    found = load(
        written(
            tmp_path,
            BUFFER + "\n\ncalls = []\nwhole = losses\n\n\ndef losses(net):\n    calls.append(1)\n    return whole(net)\n",
        )
    )
    module = found.module()
    functions, calls = found.functions(module), vars(sys.modules[found.make.__module__])["calls"]
    calls.clear()
    values = together({**functions, "other": lambda net: 3.0}, module)
    assert len(calls) == 1
    assert {name: float(torch.as_tensor(value).detach()) for name, value in values.items()} == {
        "fit": float(functions["fit"](module).detach()), "size": float(functions["size"](module).detach()), "other": 3.0,
    }  # fmt: skip


def test_mini_batches_are_an_argument_of_the_losses(tmp_path: Path) -> None:
    found = load(written(tmp_path, BATCHES))
    module = found.module()
    function = found.functions(module)["fit"]
    parts = [float(function(module, batch=k).detach()) for k in range(found.batches)]
    assert sum(parts) / found.batches == pytest.approx(float(function(module).detach()))
    assert (found.batches, found.minimum) == (4, {"fit": 0.0})


def test_models_of_the_library_are_files_like_those_of_users() -> None:
    for name in MODELS:
        assert load(name).path == file_of(name)
        assert isinstance(load(name).module(), nn.Module)


LOSS = "def loss(net): return net.weight.sum()\n"
MODEL = "from torch import nn\ndef model(): return nn.Linear(2, 1)\n"
FAULTS = {
    "": "must define a function model() that returns a torch.nn.Module",
    "model = 3\n" + LOSS: "must define a function model()",
    MODEL: "defines neither `loss` nor `losses`; define one",
    MODEL + LOSS + "losses = {}": "defines both `loss` and `losses`; remove one",
    MODEL + "loss = 3": "`loss` must be a function, not int",
    MODEL + LOSS + "error = 3": "`error` must be a function, not int",
    MODEL + "losses = {'a': 3}": "`losses` must be a dictionary of functions, or a function that returns a dictionary",
    MODEL + LOSS + "residuals = [1]": "`residuals` must be a dictionary of functions",
    MODEL + LOSS + "minimum = 0.0": "`minimum` must be a dictionary of numbers by name of the loss",
    MODEL + LOSS + "batches = 2.0": "`batches` must be the number of mini-batches, a whole number; got 2.0",
    MODEL + LOSS + "batches = 2": "with `batches`, each loss must take an argument `batch`, as in def loss(model, batch=None)",
    "import nowhere_at_all": "line 1: ModuleNotFoundError: No module named 'nowhere_at_all'; mend it",
    "def model(:": "line 1: SyntaxError",
}


@pytest.mark.parametrize("text", FAULTS)
def test_what_a_file_lacks_is_said_in_one_line(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ModelError) as error:
        load(path)
    assert FAULTS[text] in str(error.value)
    assert str(error.value).startswith(path)
    assert "\n" not in str(error.value)


CALLS = {
    "def model(): return 3\n" + LOSS: "model() must return a torch.nn.Module, not int",
    "def model(width): pass\n" + LOSS: "the argument width of model() must have a default value",
    "def model():\n    raise ValueError('no')\n" + LOSS: "line 2: `model` fails (ValueError: no)",
    MODEL + "def losses(net): return net.weight.sum()": "losses(model) must return a dictionary of losses by name, not Tensor",
    MODEL + "def losses(net):\n    return {'a': net.nothing}": "line 4: `losses` fails (AttributeError",
    MODEL + "losses = {'a b': sum}": "losses: the name 'a b' of a loss must consist of at most 40 letters, digits, hyphens",
    MODEL + "losses = {'deep-ritz': sum}": "losses: the name deep-ritz has another meaning in pinnscape; rename the loss",
    MODEL + "losses = {'a': sum, 'A': sum}": "losses: names of losses must not differ in case only",
}


@pytest.mark.parametrize("text", CALLS)
def test_what_fails_in_a_file_is_said_with_its_line(tmp_path: Path, text: str) -> None:
    found = load(written(tmp_path, text))
    with pytest.raises(ModelError) as error:
        found.functions(found.module())
    assert CALLS[text] in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"widht": 3}, "model() has no argument widht; it takes width, beta; did you mean width?"),
        ({"width": 2.5}, "the argument width of model() must be a whole number; got 2.5"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(tmp_path: Path, parameters: dict, message: str) -> None:
    with pytest.raises(ModelError, match=message.replace("(", r"\(").replace(")", r"\)").replace("?", r"\?")):
        load(written(tmp_path, PINN)).module(parameters)


def test_an_unknown_model_is_refused_with_a_suggestion() -> None:
    with pytest.raises(ModelError, match=r"digit: no such model; .*; did you mean digits\?"):
        load("digit")
