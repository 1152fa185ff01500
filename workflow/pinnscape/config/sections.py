"""The sections of a study as typed records, as ``study`` fills them from a checked ``config.yaml``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Engine:
    """How losses and derivatives are computed; ``memory`` in megabytes."""

    compile: str
    memory: float


@dataclass(frozen=True)
class Shards:
    """Numbers of jobs among which the work of one is divided."""

    surfaces: int
    hessians: int
    techniques: int


@dataclass(frozen=True)
class Network:
    """A multilayer perceptron."""

    width: int
    depth: int
    activation: str
    initialization: str


@dataclass(frozen=True)
class Quadrature:
    """Quadrature of the losses; ``points`` are along each axis."""

    rule: str
    points: int


@dataclass(frozen=True)
class Adam:
    """A phase of Adam whose learning rate falls geometrically to ``decay * learning_rate``."""

    optimizer: str
    steps: int
    learning_rate: float
    decay: float


@dataclass(frozen=True)
class LBFGS:
    """A phase of L-BFGS."""

    optimizer: str
    steps: int
    memory: int
    gradient_tolerance: float


@dataclass(frozen=True)
class Snapshots:
    """Numbers of snapshots, evenly and logarithmically spaced in steps."""

    even: int
    logarithmic: int


@dataclass(frozen=True)
class Training:
    """How a network is trained and what is recorded."""

    phases: tuple[Adam | LBFGS, ...]
    log_every: int
    snapshots: Snapshots


@dataclass(frozen=True)
class ProblemSettings:
    """The settings of one problem, its overrides applied."""

    network: Network
    quadrature: Quadrature
    training: Training
    parameters: Mapping[str, float]


@dataclass(frozen=True)
class Directions:
    """Random directions; ``lines`` is the number of lines of the bundle."""

    normalization: str
    bias: str
    lines: int


@dataclass(frozen=True)
class Grid:
    """Points at which losses are evaluated; ``radius`` by plane, ``tolerance`` of spectral surfaces."""

    planes: tuple[str, ...]
    tolerance: float
    points: int
    line_points: int
    radius: Mapping[str, float]
    margin: float


@dataclass(frozen=True)
class Density:
    """Stochastic Lanczos quadrature."""

    probes: int
    steps: int
    deflate: int
    bins: int
    width: float


@dataclass(frozen=True)
class Hessian:
    """Spectra of Hessians."""

    checkpoints: tuple[str, ...]
    dense_limit: int
    extremes: int
    lanczos_steps: int
    lanczos_tolerance: float
    density: Density
    null_tolerance: float


@dataclass(frozen=True)
class Smooth:
    """When a landscape counts as smooth."""

    variation: float


@dataclass(frozen=True)
class WellConditioned:
    """When a Hessian counts as well conditioned."""

    rank: int
    ratio: float
    share: float


@dataclass(frozen=True)
class Convex:
    """When a landscape counts as convex near the trained parameters."""

    negative_share: float
    negative_ratio: float
    radius: tuple[float, ...]
    positive_share: float


@dataclass(frozen=True)
class Alike:
    """When the landscapes of two formulations count as alike."""

    spearman: float
    subspace: int
    angle: float
    spectrum: float
    eigenvalues: int


@dataclass(frozen=True)
class DataDriven:
    """When a landscape has what is known of those of data-driven problems."""

    violation: float
    barrier: float
    explained: float
    subspace: int
    gradient: float
    level: float
    intrinsic: float
    bulk: float


@dataclass(frozen=True)
class Claims:
    """Thresholds of the verdicts."""

    smooth: Smooth
    well_conditioned: WellConditioned
    convex: Convex
    alike: Alike
    data_driven: DataDriven


@dataclass(frozen=True)
class Figures:
    """How figures look; ``seed`` is the one that planes and solutions show."""

    seed: int
    dpi: int


@dataclass(frozen=True)
class Sections:
    """The settings that all problems share; ``checkpoints`` are named fractions of the training steps, ascending; ``techniques`` by name."""

    engine: Engine
    shards: Shards
    checkpoints: Mapping[str, float]
    directions: Directions
    grid: Grid
    hessian: Hessian
    claims: Claims
    figures: Figures
    techniques: Mapping[str, Mapping[str, Any]]
