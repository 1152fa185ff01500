"""The models of the library, by name.

To add a model, define it in a file in this folder, as users do in files of their own, and name it here.
"""

from pathlib import Path

from pinnscape.common.errors import ModelError
from pinnscape.common.texts import cut
from pinnscape.common.user_files import located
from pinnscape.config.schema import suggestion

MODELS = {
    "digits": "classification of handwritten digits by a multilayer perceptron",
    "digits_convnet": "classification of handwritten digits by a convolutional network",
}


def file_of(name: str) -> Path:
    """The file that defines the model of this name; see ``file.load``.

    Raises:
        ModelError: there is no such model.
    """
    if name.endswith(".py"):
        return located(name)
    if name not in MODELS:
        text = f"no such model; there are {', '.join(MODELS)}, and files such as my_pinn.py"
        raise ModelError(f"{cut(name)}: {text}{suggestion(name, MODELS)}")
    return Path(__file__).with_name(f"{name}.py")
