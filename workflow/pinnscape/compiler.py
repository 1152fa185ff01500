"""Functions of tensors as machine code: traced once, compiled ahead of time by TorchInductor, kept on disk.

The code is a shared library with the function's constants in it; loading one takes milliseconds and none of the compiler's imports. A file is
named by what it was made from, the traced operations with their constants, so that it can never belong to another function.
"""

import fcntl
import hashlib
import logging
import os
import platform
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule

log = logging.getLogger(__name__)
Kernel = Callable[..., list[Tensor]]


@dataclass(frozen=True)
class Cost:
    """What one eager call of a function takes, and how much of that machine code saves; measured on networks of 300 to 2000 parameters.

    Attributes:
        operation: seconds for each traced operation, most of it not spent on numbers.
        saved: share of the time.
    """

    operation: float
    saved: float


# A gradient is called for one parameter vector, the others for batches.
_COSTS = {"gradient": Cost(13e-6, 0.85), "product": Cost(5e-6, 0.6), "measurement": Cost(4e-6, 0.6)}
_WEIGHT_SECONDS = 2e-9  # for each weight at each quadrature point and stream
_COMPILE_SECONDS, _COMPILE_OPERATION_SECONDS = 9.0, 0.023
# The code is kept: other seeds and later runs take it.
_REUSE = 3
# No call takes longer than this where it is open whether to compile.
_SLOWEST_CALL = 0.05


class Compiler:
    """Compiles functions and keeps the code in a folder; several processes may share it.

    Args:
        folder: of the compiled files; made when needed.
        calls: how often each kind of function (``gradient``, ``product`` of the Hessian with a vector, ``measurement`` of losses) will be called;
            what is not worth its compilation then stays eager. Without it everything is compiled.
    """

    def __init__(self, folder: Path, calls: Mapping[str, float] | None = None) -> None:
        self._folder, self._calls = folder, calls

    def compile(self, function: Callable[..., Any], *example: Tensor, name: str, kind: str, weights: int = 0) -> Kernel | None:
        """Machine code for a function.

        Args:
            function: of tensors, returning a tensor or a tuple of tensors, without branches on their values.
            example: arguments, whose shapes, types and device the code is for.
            name: for messages.
            kind: ``gradient``, ``product`` or ``measurement``.
            weights: parameters times quadrature points times streams that a call works through.

        Returns:
            What takes such arguments and returns the list of results; None where it does not pay, and where it cannot be compiled, as without a
            C++ compiler (the log then says why).
        """
        if self._calls is not None and self._calls.get(kind, 0.0) * _SLOWEST_CALL * _REUSE < _COMPILE_SECONDS:
            return None
        try:
            graph = _trace(function, example)
            if not self.pays(kind, len(graph.graph.nodes), weights):
                log.info("the %s is not compiled: too little work", name)
                return None
            path = self._folder / f"{_fingerprint(graph, example)}.pt2"
            with _locked(path):
                if not path.exists():
                    log.info("compiling the %s; the code is kept in %s", name, self._folder)
                    self._build(graph, example, path)
            kernel = _load(path, example[0].device)
            _check(kernel, function, example)
            return kernel
        except Exception as error:  # noqa: BLE001 - the compiler has many ways to fail, and none of them concerns the results
            reason = next((line for line in str(error).splitlines() if line.strip()), "")
            log.warning("the %s is not compiled (%s: %s): it runs slower", name, type(error).__name__, reason[:200])
            return None

    def pays(self, kind: str, operations: int, weights: int) -> bool:
        """Whether the work is worth the compilation, judged by sizes alone, so that the answer is the same in every run.

        Args:
            kind: of function.
            operations: in the traced function.
            weights: as in ``compile``.
        """
        if self._calls is None:
            return True
        cost = _COSTS[kind]
        saved = cost.saved * (cost.operation * operations + _WEIGHT_SECONDS * weights)
        return self._calls.get(kind, 0.0) * saved * _REUSE > _COMPILE_SECONDS + _COMPILE_OPERATION_SECONDS * operations

    def _build(self, graph: GraphModule, example: Sequence[Tensor], path: Path) -> None:
        os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str((self._folder / "inductor").resolve()))
        temporary = path.with_name(f"{path.stem}.{os.getpid()}.pt2")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch about itself
            from torch._inductor import aoti_compile_and_package  # late: takes seconds

            exported = torch.export.export(graph, tuple(example))
            options = {"aot_inductor.compile_wrapper_opt_level": "O0"}  # it only calls the kernels
            aoti_compile_and_package(exported, package_path=str(temporary), inductor_configs=options)
        os.replace(temporary, path)


def _trace(function: Callable[..., Any], example: Sequence[Tensor]) -> GraphModule:
    from torch.fx.experimental.proxy_tensor import make_fx

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = make_fx(lambda *arguments: function(*arguments))(*example)  # it miscounts the arguments of methods
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph


def _fingerprint(graph: GraphModule, example: Sequence[Tensor]) -> str:
    """Of the operations, the constants, the arguments, the version of torch and the machine's instruction set."""
    found = hashlib.sha256(graph.code.encode())
    for name, constant in sorted(graph.named_buffers()):
        found.update(repr((name, constant.dtype, tuple(constant.shape))).encode())
        found.update(constant.detach().cpu().contiguous().numpy().tobytes())
    arguments = [(tuple(t.shape), str(t.dtype), t.device.type) for t in example]
    capability = torch.backends.cpu.get_cpu_capability()
    found.update(repr((arguments, torch.__version__, capability, platform.machine())).encode())
    return found.hexdigest()[:24]


def _check(kernel: Kernel, function: Callable[..., Any], example: Sequence[Tensor]) -> None:
    """Refuse code whose numbers are wrong: for graphs of some thousand operations the compiler itself has been seen to fail.

    Raises:
        ArithmeticError: the code disagrees with the function, at the example or near it.
    """
    generator = torch.Generator().manual_seed(0)
    noise = [0.1 * torch.randn(t.shape, generator=generator, dtype=t.dtype).to(t) for t in example]
    for arguments in (example, [t + n for t, n in zip(example, noise, strict=True)]):
        expected = function(*arguments)
        for result, value in zip(kernel(*arguments), expected if isinstance(expected, tuple) else (expected,), strict=True):
            scale = value.double().nan_to_num().abs().max()
            if not torch.allclose(result.double(), value.double(), rtol=1e-9, atol=1e-9 * float(scale), equal_nan=True):
                raise ArithmeticError("its code gives other numbers than the function itself")


def _load(path: Path, device: torch.device) -> Kernel:
    index = -1 if device.type == "cpu" else (device.index or 0)
    runner = torch._C._aoti.AOTIModelPackageLoader(  # pyright: ignore[reportAttributeAccessIssue]
        str(path), "model", True, 1, index
    )

    def kernel(*arguments: Tensor) -> list[Tensor]:
        return runner.run(list(arguments))

    return kernel


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process at a time makes a file; the lock goes with the process, however that ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
