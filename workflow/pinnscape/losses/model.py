"""From the settings of a case to its losses: the only place where names become problems, networks and points."""

import hashlib
import json
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from pinnscape.config.sections import EngineSettings, Model, NetworkSettings, RuleSettings
from pinnscape.files.kept import Kept
from pinnscape.files.provenance import digest
from pinnscape.losses.discretization import Discretization, Known
from pinnscape.losses.native.build import Compiler
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

EVALUATIONS_A_STEP = 1.2  # of a training: a line search takes a little more than one gradient
_KERNELS = Path(".cache/kernels")  # of the folder of the study
_PACKAGE = Path(__file__).parents[1]
_DERIVES = ("losses/evaluation.py", "losses/native/source.py", "problems/statement.py")
_ARCHITECTURES = {"mlp": Mlp, "residual": Residual, "modified": Modified}
_TEST = Rule("gauss-legendre", 32)  # of errors where losses have random points


def problem(model: Model) -> Problem:
    """The problem of a case.

    Raises:
        ProblemError: there is no such problem, or its parameters do not fit; one line.
    """
    return load(model.problem, model.parameters)


def architecture(stated: Problem, ansatz: Ansatz, settings: NetworkSettings) -> Architecture:
    """The network of a problem, with the embeddings that its hard conditions and the settings ask for."""
    domain, embeddings = stated.domain, list[Embedding]()
    names = list(domain.names)
    for condition in ansatz.hard:
        if isinstance(condition, Periodic):
            low, high = domain.bounds[domain.names.index(condition.variable)].tolist()
            period = (
                2.0 if settings.scaled else high - low
            )  # of what the network gets, which runs from -1 to 1 where it is scaled
            embeddings.append(Waves(names.index(condition.variable), period, condition.harmonics))
            names.remove(condition.variable)  # what is left comes first
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
    """The rule that a section describes."""
    return Rule(settings.rule, settings.points, settings.panels, settings.seed)


def rules(model: Model) -> Rules:
    """The points of a case."""
    own = model.quadrature
    test = _TEST if own.test is None and own.rule in SETS else None if own.test is None else rule(own.test)
    return Rules(rule(own), others=None if own.conditions is None else rule(own.conditions), test=test)


def compiler(engine: EngineSettings, evaluations: float) -> Compiler | None:
    """The compiler that the section ``engine`` asks for; ``evaluations`` as in ``Compiler``."""
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
    """The losses of a case.

    Args:
        model: settings that define the losses.
        device: device of the tensors.
        compiler: compiler of losses and derivatives, if any.
        memory: bound on intermediate values, in megabytes.
        reference: a numerical solution to compare with, if the problem names one.

    Raises:
        ProblemError: the problem is at fault; one line.
        ValueError: settings do not fit the problem; one line.
    """
    stated, conditions = problem(model), model.condition_settings
    made = architecture(stated, statement.ansatz(stated, conditions), model.network)
    memo = kept(stated, conditions, None if compiler is None else compiler.folder)
    return Discretization(stated, made, rules(model), conditions, device, compiler, 1e6 * memory, memo, reference)


_MEMORIES: dict[str, Kept] = {}


def kept(stated: Problem, conditions: dict[str, Any], folder: Path | None) -> Kept | None:
    """A memory of what SymPy derives from a problem; None for a problem that is not written in a file."""
    file = getattr(sys.modules.get(type(stated).__module__), "__file__", None)
    if file is None:
        return None
    code = digest([Path(file), *(_PACKAGE / name for name in _DERIVES)], (_PACKAGE, Path(file).parent))
    # The module of a user's file is named after its content, which may change while a process runs; the digest of a file is computed once.
    about = [
        code,
        type(stated).__module__,
        type(stated).__qualname__,
        json.dumps(conditions, sort_keys=True),
        metadata.version("sympy"),
    ]
    key = hashlib.sha256(repr(about).encode()).hexdigest()[:24]
    return _MEMORIES.setdefault(f"{folder} {key}", Kept(folder, key))
