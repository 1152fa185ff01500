"""Recording of arithmetic as C++: functions that compute with numbers generate statements if called with ``Written`` values."""

from collections.abc import Sequence
from typing import Any

from pinnscape.losses.native.printing import literal


class Code:
    """A list of C++ statements."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def value(self, text: str) -> "Written":
        """A variable, constant or other expression, given as C++."""
        return Written(self, text)

    def array(self, name: str, count: int) -> list["Written"]:
        """The first ``count`` entries of a C++ array."""
        return [self.value(f"{name}[{i}]") for i in range(count)]

    def store(self, name: str, values: Sequence[Any]) -> None:
        """Append statements that assign the entries of a C++ array."""
        self.lines += [f"{name}[{i}] = {value};" for i, value in enumerate(values)]

    def body(self, indent: str = "        ") -> str:
        return "\n".join(f"{indent}{line}" for line in self.lines)


class Written:
    """A C++ expression; arithmetic with it gives larger expressions."""

    def __init__(self, code: Code, text: str) -> None:
        self._code, self._text = code, text

    def __str__(self) -> str:
        return self._text

    def named(self) -> "Written":
        """A variable that is assigned the expression at this place in the code; the expression itself if it is a variable."""
        if self._text.isidentifier():
            return self
        name = f"t{len(self._code.lines)}"
        self._code.lines.append(f"const auto {name} = {self};")
        return Written(self._code, name)

    def _with(self, left: Any, sign: str, right: Any) -> "Written":
        return Written(self._code, f"({_text(left)} {sign} {_text(right)})")

    def __neg__(self) -> "Written":
        return Written(self._code, f"(-{self})")

    def __add__(self, other: Any) -> "Written":
        return self._with(self, "+", other)

    def __sub__(self, other: Any) -> "Written":
        return self._with(self, "-", other)

    def __mul__(self, other: Any) -> "Written":
        return self._with(self, "*", other)

    def __radd__(self, other: Any) -> "Written":
        return self._with(other, "+", self)

    def __rsub__(self, other: Any) -> "Written":
        return self._with(other, "-", self)

    def __rmul__(self, other: Any) -> "Written":
        return self._with(other, "*", self)


def _text(operand: Any) -> str:
    return literal(operand) if isinstance(operand, (int, float)) else str(operand)


class Elementary:
    """``Elementary`` functions of activations as calls of C++ functions in vector.hpp and elementary.hpp."""

    def __init__(self, code: Code) -> None:
        self._code = code

    def zero(self, z: Written) -> Written:
        return self._code.value("T{}")

    def __getattr__(self, name: str) -> Any:
        if name not in ("tanh", "sin", "cos", "exp", "sigmoid", "softplus", "normal", "relu", "step"):
            raise AttributeError(name)
        return lambda z: self._code.value(f"{name}({z})")
