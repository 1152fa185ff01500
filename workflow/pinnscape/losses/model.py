"""Construction of a case's losses from its settings: names in the settings become problems, networks and points only here."""

import hashlib
import json
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from pinnscape.config.sections import EngineSettings, Model, Module, NetworkSettings, RuleSettings
from pinnscape.files.kept import Kept
from pinnscape.files.provenance import digest
from pinnscape.losses.discretization import Discretization, Known
from pinnscape.losses.model_file import family
from pinnscape.losses.native.build import Compiler
from pinnscape.losses.objective import Losses
from pinnscape.networks.architectures import Architecture, Mlp, Modified, Residual
from pinnscape.networks.embeddings import Box, Embedding, Fourier
from pinnscape.networks.embeddings import Periodic as Waves
from pinnscape.problems import statement
from pinnscape.problems.ansatz import Ansatz
from pinnscape.problems.conditions import Periodic
from pinnscape.problems.loader import load
from pinnscape.problems.points import SETS, Rule
from pinnscape.problems.problem import Problem
from pinnscape.problems.rules import Rules

EVALUATIONS_A_STEP = 1.2  # mean number of loss evaluations in a training step; a line search may need more than one
_KERNELS = Path(".cache/kernels")  # folder of compiled code, relative to the folder of the study
_PACKAGE = Path(__file__).parents[1]
_DERIVES = ("losses/evaluation.py", "losses/native/source.py", "problems/statement.py")
_ARCHITECTURES = {"mlp": Mlp, "residual": Residual, "modified": Modified}
_TEST = Rule("gauss-legendre", 32)  # default rule for errors if the losses use sets of collocation points


def problem(model: Model) -> Problem:
    """The problem of a case.

    Raises:
        ProblemError: the problem does not exist, or its parameters are invalid; one line.
    """
    return load(model.problem, model.parameters)


def architecture(stated: Problem, ansatz: Ansatz, settings: NetworkSettings) -> Architecture:
    """The network of a problem, with the embeddings that its hard periodic conditions and the settings require."""
    domain, embeddings = stated.domain, list[Embedding]()
    names = list(domain.names)
    for condition in ansatz.hard:
        if isinstance(condition, Periodic):
            low, high = domain.bounds[domain.names.index(condition.variable)].tolist()
            # A scaled network receives variables from -1 to 1.
            period = 2.0 if settings.scaled else high - low
            embeddings.append(Waves(names.index(condition.variable), period, condition.harmonics))
            names.remove(condition.variable)  # a periodic embedding moves the other variables to the front
    if settings.scaled:
        embeddings.insert(0, Box(*map(tuple, domain.bounds.T.tolist())))
    if settings.fourier:
        embeddings.append(Fourier(settings.fourier, settings.fourier_deviation))
    made = _ARCHITECTURES[settings.architecture]
    return made(
        domain.dimension, len(stated.components), settings.width, settings.depth, settings.activation, tuple(embeddings)
    )


def network(model: Model) -> Architecture:
    """The network of a case."""
    stated = problem(model)
    return architecture(stated, statement.ansatz(stated, model.condition_settings), model.network)


def rule(settings: RuleSettings) -> Rule:
    """The rule that a section of the configuration describes."""
    return Rule(settings.rule, settings.points, settings.panels, settings.seed)


def rules(model: Model) -> Rules:
    """The rules by which the points of a case are placed."""
    own = model.quadrature
    test = _TEST if own.test is None and own.rule in SETS else None if own.test is None else rule(own.test)
    return Rules(rule(own), others=None if own.conditions is None else rule(own.conditions), test=test)


def compiler(engine: EngineSettings, evaluations: float) -> Compiler | None:
    """The compiler that the section ``engine`` of the configuration requests; None for ``compile: never``.

    Args:
        engine: the section.
        evaluations: expected number of evaluations of losses and derivatives, which decides for ``compile: auto``.
    """
    if engine.compile == "never":
        return None
    return Compiler(_KERNELS, evaluations if engine.compile == "auto" else None)


def discretization(
    model: Model,
    device: str = "cpu",
    compiler: Compiler | None = None,
    memory: float = 1000.0,
    reference: Known | None = None,
) -> Discretization:
    """The discretised problem of a case, with its losses.

    Args:
        model: settings that define the losses.
        device: device of the tensors.
        compiler: compiler of losses and derivatives, if any.
        memory: upper bound on intermediate values, in megabytes.
        reference: numerical solution from which errors are measured if the problem has no exact solution.

    Raises:
        ProblemError: the definition of the problem has an error; one line.
        ValueError: settings do not fit the problem; one line.
    """
    stated, conditions = problem(model), model.condition_settings
    made = architecture(stated, statement.ansatz(stated, conditions), model.network)
    memo = kept(stated, conditions, None if compiler is None else compiler.folder)
    return Discretization(stated, made, rules(model), conditions, device, compiler, 1e6 * memory, memo, reference)


def losses(
    settings: Mapping[str, Any],
    engine: EngineSettings,
    evaluations: float,
    device: str = "cpu",
    reference: Known | None = None,
) -> Losses:
    """The losses of a case, of a boundary value problem or of a torch module.

    Args:
        settings: plain settings that define the losses: the section ``Model``, or ``Module``, which has the key ``module``.
        engine: how losses and derivatives are computed.
        evaluations: expected number of evaluations, see ``compiler``.
        device: device of the tensors.
        reference: numerical solution, see ``discretization``.

    Raises:
        ProblemError: the definition of the problem has an error; one line.
        ModelError: the file of the module cannot be used; one line.
        ValueError: settings do not fit the problem; one line.
    """
    if "module" in settings:
        return family(Module.of(settings), device)
    return discretization(Model.of(settings), device, compiler(engine, evaluations), engine.memory, reference)


_MEMORIES: dict[str, Kept] = {}


def kept(stated: Problem, conditions: dict[str, Any], folder: Path | None) -> Kept | None:
    """The cache of the symbolic derivations of a problem; None for a problem that is not defined in a file.

    Args:
        stated: the problem.
        conditions: settings of its conditions.
        folder: folder of the cache; None for a cache in memory only.
    """
    file = getattr(sys.modules.get(type(stated).__module__), "__file__", None)
    if file is None:
        return None
    code = digest([Path(file), *(_PACKAGE / name for name in _DERIVES)], (_PACKAGE, Path(file).parent))
    # The module name of a user's file depends on its content, which may change while a process runs; its digest is computed
    # only once.
    about = [
        code,
        type(stated).__module__,
        type(stated).__qualname__,
        json.dumps(conditions, sort_keys=True),
        metadata.version("sympy"),
    ]
    key = hashlib.sha256(repr(about).encode()).hexdigest()[:24]
    return _MEMORIES.setdefault(f"{folder} {key}", Kept(folder, key))
