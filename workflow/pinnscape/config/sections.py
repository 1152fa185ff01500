"""The sections of the configuration, except those of techniques, which are defined in the modules of the techniques."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import TypeAliasType

from pinnscape.config.section import Distinct, Entries, Odd, Optional, Section, defaults_of, fault, name_of, ordered

Loss = Literal["deep-ritz", "strong-form", "supervised"]
Rule = Literal["gauss-legendre", "simpson", "uniform", "duffy", "sobol", "latin-hypercube", "monte-carlo"]
Plane = Literal["random", "trajectory", "hessian-top", "hessian-extreme"]
Fraction = Annotated[float, Field(gt=0, lt=1, description="fraction of the training steps")]
Checkpoint = Annotated[str, Field(description="a checkpoint")]
CheckpointName = TypeAliasType(
    "CheckpointName",
    Annotated[
        str,
        name_of(
            r"(?!(init|best|final)$)(?=.{1,40}$)[a-z][a-z0-9]*(-[a-z0-9]+)*",
            "a name of lower-case letters, digits and single hyphens that starts with a letter, of at most 40 characters, and other than "
            "init, best and final",
        ),
    ],
)
Identifier = TypeAliasType(
    "Identifier",
    Annotated[
        str,
        name_of(
            r"(?=.{1,64}$)[A-Za-z][A-Za-z0-9_]*",
            "a name of letters, digits and underscores that starts with a letter, of at most 64 characters",
        ),
    ],
)


class EngineSettings(Section):
    """How losses and derivatives are computed; affects results only by rounding errors."""

    compile: Literal["auto", "always", "never"] = Field(
        default="auto",
        description="whether losses are compiled to machine code: auto (if compilation saves time) | always | never; requires "
        "a C++ compiler, without which evaluations are slower; compiled code is cached in .cache",
    )
    memory: float = Field(
        default=1000,
        ge=10,
        le=1e7,
        description="megabytes available for the intermediate values of one job; larger evaluations are split",
    )


class ShardSettings(Section):
    """Number of jobs each stage is split into; does not affect results or trigger reruns."""

    surfaces: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="jobs per case and seed; the units of work are planes, lines, and blocks of grid points of surfaces "
        "that are not spectral",
    )
    hessians: int = Field(default=1, ge=1, le=1000, description="jobs per case and seed; the units of work are spectra")
    techniques: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="jobs per case for each technique that analyses runs independently; the units of work are runs",
    )


class NetworkSettings(Section):
    """A neural network; cases.<name>.network overrides individual keys."""

    architecture: Literal["mlp", "residual", "modified"] = Field(
        default="mlp",
        description="mlp (multilayer perceptron) | residual (blocks of two layers with a skip connection, E & Yu 2018) | "
        "modified (layers gated by two encoders, Wang et al. 2021)",
    )
    width: int = Field(default=16, ge=1, le=8192, description="number of neurons in each hidden layer")
    depth: int = Field(default=2, ge=1, le=64, description="number of hidden layers, or of residual blocks")
    activation: Literal["tanh", "sin", "swish", "softplus", "gelu", "relu", "relu3"] = Field(
        default="tanh",
        description="activation function of the hidden layers; relu has no second derivative and relu3 (relu cubed) no fourth "
        "derivative, which some losses need",
    )
    initialization: Literal["glorot", "lecun", "he"] = Field(
        default="glorot",
        description="initial weights: normal with the variance of this scheme; initial biases are zero",
    )
    scaled: bool = Field(default=False, description="whether each variable is mapped to (-1, 1) before it enters the network")
    fourier: int = Field(
        default=0,
        ge=0,
        le=4096,
        description="number of random frequencies, whose sines and cosines replace the variables (Tancik et al. 2020); 0: none",
    )
    fourier_deviation: float = Field(default=1.0, gt=0, le=1000, description="standard deviation of these frequencies")


class RuleSettings(Section):
    """Rule for the points and weights of integrals and means."""

    rule: Rule = Field(
        default="gauss-legendre",
        description="product rules: gauss-legendre | simpson (odd number of points) | uniform (midpoints) | duffy (for solutions "
        "that are singular at a reentrant corner); random point sets: sobol | latin-hypercube | monte-carlo",
    )
    points: int = Field(
        ge=1,
        le=1_000_000,
        description="number of points: along each axis for product rules, in total for point sets; a total below the "
        "number of parameters of the network bounds the rank of the Hessian",
    )
    panels: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="number of equal parts into which product rules divide each axis, each with this number of points",
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="seed of random point sets")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.rule == "simpson" and (self.points < 3 or self.points % 2 == 0):
            raise fault(f"must be odd and at least 3 for the simpson rule; got {self.points}", "points")
        return self


class QuadratureSettings(RuleSettings):
    """Rule for the points and weights of the losses; cases.<name>.quadrature overrides individual keys."""

    points: int = Field(
        default=20,
        ge=1,
        le=1_000_000,
        description="number of points: along each axis for product rules, in total for point sets; a total below the "
        "number of parameters of the network bounds the rank of the Hessian",
    )
    conditions: Optional[RuleSettings] = Field(
        default=None,
        description="rule for soft conditions, on the boundary and at the initial time; by default that of the interior",
    )
    test: Optional[RuleSettings] = Field(
        default=None,
        description="rule for the measurement of errors; by default that of the interior if it is a product rule, otherwise "
        "gauss-legendre with 32 points along each axis",
    )
    resample: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="number of training steps after which random point sets are drawn again; 0: never",
    )


class ConditionSettings(Section):
    """How a condition of a problem is enforced; keys that are omitted have the values in the definition of the problem."""

    enforce: Optional[Literal["hard", "soft"]] = Field(
        default=None, description="hard (built into the field of the network) | soft (by a term of the loss)"
    )
    weight: Optional[float] = Field(default=None, ge=0, le=1e12, description="weight of its term in the loss")
    harmonics: Optional[int] = Field(
        default=None, ge=1, le=64, description="number of harmonics that replace the variable, for hard periodicity"
    )


class AdamSettings(Section):
    """A phase of Adam."""

    optimizer: Literal["adam"]
    steps: int = Field(ge=1, le=100_000_000, description="number of steps")
    learning_rate: float = Field(gt=0, le=10, description="learning rate at the first step")
    decay: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="the learning rate decreases geometrically to decay * learning_rate; 1 keeps it constant",
    )


class LBFGSSettings(Section):
    """A phase of L-BFGS with a strong Wolfe line search, which stops early if the gradient is small or no step is found."""

    optimizer: Literal["lbfgs"]
    steps: int = Field(ge=1, le=100_000_000, description="maximum number of steps")
    history_size: int = Field(default=50, ge=1, le=10_000, description="number of stored pairs (s, y)")
    gradient_tolerance: float = Field(
        default=1e-9, ge=0, lt=1, description="the phase stops when the maximum norm of the gradient is below this value"
    )


_DEFAULT_PHASES: list[dict[str, Any]] = [
    {"optimizer": "adam", "steps": 500, "learning_rate": 0.01, "decay": 0.1},
    {"optimizer": "lbfgs", "steps": 1500},
]
Phase = Annotated[AdamSettings | LBFGSSettings, Field(discriminator="optimizer")]


class SnapshotSettings(Section):
    """Parameters stored during training, for checkpoints and trajectories."""

    even: int = Field(default=40, ge=0, le=10_000, description="number of snapshots at evenly spaced steps")
    logarithmic: int = Field(default=30, ge=0, le=10_000, description="number of snapshots at logarithmically spaced steps")


class WeightSettings(Section):
    """Adaptive weights of the terms of a loss, by which the fixed weights of the terms are multiplied during the training."""

    method: Literal["fixed", "ntk", "gradients"] = Field(
        default="fixed",
        description="fixed (no adaptive weights) | ntk (from traces of the neural tangent kernel, Wang et al. 2022) | "
        "gradients (from norms of gradients, Wang et al. 2021); landscapes use the weights at the end of the training",
    )
    every: int = Field(default=100, ge=1, le=1_000_000, description="number of steps after which the weights are updated")


class TrainingSettings(Section):
    """How a network is trained, and what is recorded; cases.<name>.training overrides individual keys."""

    phases: Entries[Phase] = Field(
        default_factory=lambda: (AdamSettings.of(_DEFAULT_PHASES[0]), LBFGSSettings.of(_DEFAULT_PHASES[1])),
        min_length=1,
        max_length=20,
        description="full-batch optimisers, which run one after the other",
        examples=[_DEFAULT_PHASES],
    )
    log_every: int = Field(default=10, ge=1, description="number of steps between two records in training.nc")
    snapshots: SnapshotSettings = defaults_of(SnapshotSettings)
    weights: WeightSettings = defaults_of(WeightSettings)
    minibatches: bool = Field(
        default=False,
        description="whether each step uses the loss of the next mini-batch, for cases with a module that defines mini-batches",
    )


class Model(Section):
    """The settings that define the losses of a case."""

    problem: str = Field(
        description="name of a problem, or path of a file that defines one, such as my_problems/mine.py or mine.py:Mine"
    )
    network: NetworkSettings
    quadrature: QuadratureSettings
    parameters: dict[Identifier, float]
    conditions: dict[Identifier, ConditionSettings] = Field(default={})

    @property
    def condition_settings(self) -> dict[str, dict[str, Any]]:
        """Settings of the conditions and weights of the terms of a loss by name, as ``problems.statement`` expects them."""
        return {name: condition.plain(given=True) for name, condition in self.conditions.items()}


class Module(Section):
    """The settings that define the losses of a case with a torch module."""

    module: str
    parameters: dict[Identifier, float]
    checkpoints: str = Field(default="", description="pattern of the paths of trained weights; empty if there are none")
    compared: Entries[str] = Field(default=(), description="the two losses that claims compare; by default the first two")


class DirectionSettings(Section):
    """Random directions in parameter space."""

    normalization: Literal["filter", "layer", "global", "none"] = Field(
        default="filter",
        description="parts of a random direction that are scaled to the norms of the same parts of the trained parameters: "
        "filter (incoming weights of each neuron) | layer | global (whole vector) | none",
    )
    bias: Literal["row", "own", "zero"] = Field(
        default="row",
        description="biases of random directions: row (scaled with their filter or layer) | own (the bias vector of each "
        "layer is scaled to its own norm) | zero",
    )
    lines: int = Field(default=16, ge=2, le=1000, description="number of random lines in the bundle")


class RadiusSettings(Section):
    """Half widths of planes and lines, in units of the norm of the directions."""

    random: float = Field(default=1.0, gt=0, le=100, description="random plane")
    hessian_top: float = Field(
        default=0.1,
        alias="hessian-top",
        gt=0,
        le=100,
        description="plane of the eigenvectors of the two largest Hessian eigenvalues",
    )
    hessian_extreme: float = Field(
        default=0.1,
        alias="hessian-extreme",
        gt=0,
        le=100,
        description="plane of the eigenvectors of the largest and the smallest Hessian eigenvalue",
    )
    lines: float = Field(default=1.0, gt=0, le=100, description="random lines")

    def of_plane(self, plane: str) -> float:
        """The radius of the plane with this name."""
        return getattr(self, plane.replace("-", "_"))


class GridSettings(Section):
    """Points at which losses are evaluated."""

    planes: Distinct[Plane] = Field(
        default=("random", "trajectory", "hessian-top", "hessian-extreme"),
        min_length=1,
        description="planes through the trained parameters; the bundle of random lines is always evaluated too",
    )
    tolerance: float = Field(
        default=1e-5,
        ge=0,
        le=0.1,
        description="largest error of a spectral (Chebyshev) surface, relative to its range; with 0, every grid point is "
        "evaluated",
    )
    points: Odd = Field(
        default=41, ge=3, le=2001, description="number of points along each axis of the stored grid of a plane; odd"
    )
    line_points: Odd = Field(default=101, ge=3, le=100_001, description="number of points along a line; odd")
    radius: RadiusSettings = defaults_of(RadiusSettings)
    margin: float = Field(
        default=0.2,
        ge=0,
        le=10,
        description="margin of the trajectory plane around the projected trajectory, as a fraction of its extent",
    )


class PlaneGrid(Section):
    """The settings of ``grid`` for one plane, or for the lines; settings that concern other planes are 0."""

    tolerance: float
    points: int = 0
    line_points: int = 0
    radius: float = 0.0
    margin: float = 0.0


class EigensolverSettings(Section):
    """How eigenvalues are computed; hessian.eigensolver and techniques.<name>.eigensolver override individual keys."""

    dense_limit: int = Field(
        default=2500,
        ge=0,
        le=50_000,
        description="maximum number of rows of dense matrices: with at most this many parameters, the exact spectrum is "
        "computed, otherwise Lanczos is used",
    )
    lanczos_steps: int = Field(
        default=300, ge=1, le=100_000, description="maximum number of Hessian-vector products of one Lanczos process"
    )
    lanczos_tolerance: float = Field(
        default=1e-9,
        gt=0,
        lt=1,
        description="residual norm at which an eigenpair counts as converged, relative to the largest eigenvalue",
    )

    def overridden(self, *others: "EigensolverSettings") -> "EigensolverSettings":
        """These settings with the keys that are set explicitly in ``others``; later ones take precedence."""
        return self.model_copy(update={name: getattr(other, name) for other in others for name in other.model_fields_set})


def overriding(text: str = "", **values: Any) -> Any:
    """The key ``eigensolver`` of a section, which overrides keys of the section ``eigensolver``.

    Args:
        text: added to the description of the key.
        **values: defaults of the overridden keys.
    """
    own = "keys of eigensolver that are overridden here"
    return Field(default_factory=lambda: EigensolverSettings(**values), description=f"{own}; {text}" if text else own)


class DensitySettings(Section):
    """Spectral density by stochastic Lanczos quadrature."""

    probes: int = Field(
        default=8, ge=2, le=10_000, description="number of random vectors; at least two, to estimate a standard error"
    )
    steps: int = Field(default=50, ge=2, le=10_000, description="number of Lanczos steps for each vector")
    deflate: int = Field(
        default=10,
        ge=0,
        le=1000,
        description="number of eigenpairs deflated at each end of the spectrum and counted exactly; at most hessian.extremes",
    )
    bins: int = Field(default=400, ge=2, le=100_000, description="number of points of the smoothed density")
    width: float = Field(
        default=0.005, gt=0, le=1, description="standard deviation of the smoothing, relative to the largest eigenvalue"
    )


class SpectrumSettings(Section):
    """How the spectrum of a Hessian is computed."""

    eigensolver: EigensolverSettings = overriding()
    extremes: int = Field(default=10, ge=2, le=1000, description="number of eigenvectors stored for each end of the spectrum")
    density: DensitySettings = defaults_of(DensitySettings)
    null_tolerance: float = Field(
        default=1e-10,
        ge=0,
        lt=1,
        description="magnitude up to which eigenvalues count as zero, relative to the largest magnitude",
    )

    @model_validator(mode="after")
    def _deflated_eigenpairs_are_computed(self) -> Self:
        if self.density.deflate > self.extremes:
            text = f"must be at most hessian.extremes ({self.extremes}); got {self.density.deflate}"
            raise fault(text, "density.deflate")
        return self


class HessianSettings(SpectrumSettings):
    """Spectra of Hessians."""

    checkpoints: Distinct[Checkpoint] = Field(
        default=(),
        min_length=1,
        description="checkpoints at which Hessians are analysed, including final; by default init, the named checkpoints and "
        "final",
        examples=[["init", "middle", "final"]],
    )


class FigureSettings(Section):
    """Content and resolution of figures."""

    seed: Optional[int] = Field(
        default=None,
        ge=0,
        description="seed shown in figures of planes and solutions, by default the first of study.seeds; training curves, "
        "spectra and claims use all seeds",
        examples=[0],
    )
    dpi: int = Field(default=200, ge=30, le=1200, description="resolution of PNG files in dots per inch")


class PathTraining(Section):
    """How a curve between two points is trained."""

    steps: int = Field(default=400, ge=1, le=50_000, description="number of Adam steps for each curve")
    learning_rate: float = Field(default=0.03, gt=0, le=1000, description="learning rate at the first step")
    decay: float = Field(default=0.01, gt=0, le=1, description="ratio of the last learning rate to the first")
    perturbation: float = Field(
        default=0.05,
        ge=0,
        le=10,
        description="initial random displacement of the inner control points from the straight line, relative to the distance "
        "between the two points",
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="random seed of this displacement")
    check: int = Field(
        default=20,
        ge=1,
        le=50_000,
        description="number of steps between two evaluations of a path; the evaluated path with the lowest maximum is kept",
    )
    nodes: int = Field(default=10, ge=1, le=1000, description="number of quadrature nodes of the integral over the curve")

    _order = ordered("check", "steps")
