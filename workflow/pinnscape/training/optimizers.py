"""Full-batch optimisers on flat parameters. A step maps a ``State`` to the next one, or to None if no further progress is
possible.

The memory of an optimiser between steps is its ``state_dict``. Another optimiser with the same settings that loads it takes
bitwise identical steps.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from pinnscape.training.line_search import Trial, strong_wolfe

LossAndGradient = Callable[[Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class State:
    """A point (P,), its loss and gradient (P,), and the learning rate or step length of the step to this point."""

    theta: Tensor
    loss: float
    gradient: Tensor
    rate: float = float("nan")


def start(function: LossAndGradient, theta: Tensor) -> State:
    """The state at a given point."""
    loss, gradient = function(theta)
    return State(theta, float(loss), gradient)


class Adam:
    """Adam (Kingma & Ba 2015, algorithm 1) with β = (0.9, 0.999), ε = 1e-8 and a geometrically decaying learning rate.

    Args:
        function: loss and gradient at a point.
        steps: number of steps over which the learning rate falls from ``learning_rate`` to ``decay · learning_rate``.
        learning_rate: learning rate of the first step.
        decay: ratio of the last learning rate to the first.
    """

    def __init__(self, function: LossAndGradient, steps: int, learning_rate: float, decay: float = 1.0) -> None:
        self._function, self._rate, self._decay, self._steps = function, learning_rate, decay, steps
        self._t, self._mean, self._square = 0, torch.zeros(()), torch.zeros(())

    def step(self, state: State) -> State:
        rate = self._rate * self._decay ** (self._t / max(1, self._steps - 1))
        self._t += 1
        g = state.gradient
        self._mean = 0.9 * self._mean.to(g) + 0.1 * g
        self._square = 0.999 * self._square.to(g) + 0.001 * g * g
        mean, square = self._mean / (1 - 0.9**self._t), self._square / (1 - 0.999**self._t)
        theta = state.theta - rate * mean / (square.sqrt() + 1e-8)
        loss, gradient = self._function(theta)
        return State(theta, float(loss), gradient, rate)

    def forget(self) -> None:
        """Prepare for a function that has changed; the moving averages remain."""

    def state_dict(self) -> dict[str, Tensor]:
        """Number of steps taken, and the moving averages of the gradient and of its square, each (P,)."""
        return {"t": torch.tensor(self._t), "mean": self._mean, "square": self._square}

    def load_state_dict(self, memory: Mapping[str, Tensor]) -> None:
        self._t, self._mean, self._square = int(memory["t"]), memory["mean"], memory["square"]


class LBFGS:
    """Limited-memory BFGS with a strong Wolfe line search (Nocedal & Wright 2006, algorithms 7.4 and 7.5).

    Args:
        function: loss and gradient at a point.
        history_size: number of pairs (s, y) that are kept.
        gradient_tolerance: the phase ends when all entries of the gradient are at most this in magnitude.
    """

    def __init__(self, function: LossAndGradient, history_size: int = 50, gradient_tolerance: float = 1e-9) -> None:
        self._function, self._tolerance = function, gradient_tolerance
        self._pairs = _Pairs(history_size)

    def step(self, state: State) -> State | None:
        """The next state; None if the gradient is within the tolerance or no step along -gradient lowers the loss."""
        if float(state.gradient.abs().max()) <= self._tolerance:
            return None
        trial = self._search(state)
        if trial is None and self._pairs.count:
            self._pairs.clear()
            trial = self._search(state)
        if trial is None:
            return None
        s, y = trial.theta - state.theta, trial.gradient - state.gradient
        curvature = float(s @ y)
        if curvature > 1e-12 * float(s.norm() * y.norm()):
            self._pairs.append(s, y)
        return State(trial.theta, trial.loss, trial.gradient, trial.step)

    def forget(self) -> None:
        """Prepare for a function that has changed: pairs of another function are of no use."""
        self._pairs.clear()

    def state_dict(self) -> dict[str, Tensor]:
        """The pairs ``s`` and ``y`` (k, P), the oldest first, and the triangle ``r`` (k, k)."""
        return self._pairs.state_dict()

    def load_state_dict(self, memory: Mapping[str, Tensor]) -> None:
        self._pairs.load_state_dict(memory)

    def _search(self, state: State) -> Trial | None:
        direction = self._pairs.direction(state.gradient)
        slope = float(direction @ state.gradient)
        if slope >= 0.0:
            self._pairs.clear()
            direction = -state.gradient
            slope = -float(state.gradient @ state.gradient)

        def evaluate(step: float) -> Trial:
            theta = state.theta + step * direction
            loss, gradient = self._function(theta)
            return Trial(step, float(loss), float(gradient @ direction), theta, gradient)

        first = 1.0 if self._pairs.count else min(1.0, 1.0 / float(state.gradient.abs().sum()))
        return strong_wolfe(evaluate, Trial(0.0, state.loss, slope, state.theta, state.gradient), first)


class _Pairs:
    """The last pairs (s, y) as rows of two matrices, oldest first, and the upper triangle R of S Yᵀ."""

    def __init__(self, history_size: int) -> None:
        self._history_size = history_size
        self.clear()

    def clear(self) -> None:
        self._s, self._y, self._r = _Window(self._history_size), _Window(self._history_size), torch.zeros(0, 0)

    @property
    def count(self) -> int:
        return self._s.count

    def append(self, s: Tensor, y: Tensor) -> None:
        first = 1 if self.count == self._history_size else 0
        self._s.append(s)
        self._y.append(y)
        column = (self._s.rows @ self._y.rows[-1])[:, None]
        above = torch.nn.functional.pad(self._r[first:, first:].to(column), (0, 0, 0, 1))
        self._r = torch.cat([above, column], 1)

    def state_dict(self) -> dict[str, Tensor]:
        # Copies, because the rows move when the window reaches the end of its buffer.
        return {"s": self._s.rows.clone(), "y": self._y.rows.clone(), "r": self._r}

    def load_state_dict(self, memory: Mapping[str, Tensor]) -> None:
        self.clear()
        for s, y in zip(memory["s"], memory["y"], strict=True):
            self._s.append(s)
            self._y.append(y)
        self._r = memory["r"].clone()

    def direction(self, gradient: Tensor) -> Tensor:
        """-H·gradient by the two-loop recursion, each loop as a triangular system (Byrd, Nocedal & Schnabel 1994)."""
        if not self.count:
            return -gradient
        s, y = self._s.rows, self._y.rows
        a = torch.linalg.solve_triangular(self._r, -(s @ gradient)[:, None], upper=True)[:, 0]
        scale = self._r[-1, -1] / torch.dot(y[-1], y[-1])
        q = scale * (-gradient - a @ y)
        right = self._r.diagonal() * a - y @ q
        return q + torch.linalg.solve_triangular(self._r.T, right[:, None], upper=False)[:, 0] @ s


class _Window:
    """The rows (P,) that were appended last, as a matrix with the oldest row first.

    The buffer has twice as many rows as the matrix. When the matrix reaches the end of the buffer, it moves to the front, so
    all rows are copied once in ``size`` steps instead of once a step. The rounding errors of a matrix product may depend on the
    memory alignment of the rows, and training that is resumed with the rows at the front of the buffer must take bitwise
    identical steps. Therefore the matrix is always contiguous with the oldest row first, and each row begins at a multiple of
    64 bytes, which is the size of the widest vector registers and of cache lines.

    Args:
        size: largest number of rows.
    """

    _ALIGNMENT = 8  # numbers in 64 bytes; torch aligns its allocations to 64 bytes

    def __init__(self, size: int) -> None:
        self._size, self._start, self.count = size, 0, 0
        self._buffer = self.rows = torch.zeros(0, 0)

    def append(self, row: Tensor) -> None:
        if not self.count:
            stride = -(-len(row) // self._ALIGNMENT) * self._ALIGNMENT
            self._buffer = row.new_empty(2 * self._size, stride)
        elif self.count == self._size:
            self._start, self.count = self._start + 1, self.count - 1
        if self._start + self.count == len(self._buffer):
            self._buffer[: self.count] = self._buffer[self._start : self._start + self.count]
            self._start = 0
        self._buffer[self._start + self.count, : len(row)] = row
        self.count += 1
        self.rows = self._buffer[self._start : self._start + self.count, : len(row)]
