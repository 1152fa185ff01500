"""The sections of the configuration other than those of techniques, which own theirs."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import TypeAliasType

from pinnscape.config.section import Distinct, Entries, Odd, Optional, Section, defaults_of, fault, name_of, ordered

Formulation = Literal["deep-ritz", "strong-form", "supervised"]
Rule = Literal["gauss-legendre", "simpson", "uniform", "monte-carlo"]
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
ParameterName = TypeAliasType(
    "ParameterName",
    Annotated[
        str,
        name_of(
            r"(?=.{1,64}$)[A-Za-z][A-Za-z0-9_]*",
            "a name of letters, digits and underscores that starts with a letter, of at most 64 characters",
        ),
    ],
)


class EngineSettings(Section):
    """How losses and derivatives are computed; beyond rounding, no result depends on it."""

    compile: Literal["auto", "always", "never"] = Field(
        default="auto",
        description="whether losses become machine code: auto (where the work pays for it) | always | never; needs a C++ compiler "
        "(without: slower). The code is kept in .cache",
    )
    memory: float = Field(
        default=1000,
        ge=10,
        le=1e7,
        description="megabytes for the intermediate values of one job; larger evaluations are split",
    )


class ShardSettings(Section):
    """Number of jobs each stage is split into; does not affect results or trigger reruns."""

    surfaces: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="of a problem and seed; pieces are planes, lines, and blocks of the points of a plain grid",
    )
    hessians: int = Field(default=1, ge=1, le=1000, description="of a problem and seed; pieces are spectra")
    techniques: int = Field(
        default=1, ge=1, le=1000, description="of a problem, for each technique that treats runs one by one; pieces are runs"
    )


class NetworkSettings(Section):
    """A multilayer perceptron; problems.<name>.network overrides single keys."""

    width: int = Field(ge=1, le=8192, description="neurons in each hidden layer", examples=[16])
    depth: int = Field(ge=1, le=64, description="number of hidden layers", examples=[2])
    activation: Literal["tanh", "sin", "swish", "softplus"] = Field(default="tanh", description="of the hidden layers")
    initialization: Literal["glorot", "lecun", "he"] = Field(
        default="glorot", description="variance of the normal distribution of the initial weights; biases start at zero"
    )


class QuadratureSettings(Section):
    """Quadrature rule of the losses; problems.<name>.quadrature overrides single keys."""

    rule: Rule = Field(
        default="gauss-legendre",
        description="gauss-legendre | simpson (with an odd number of points) | uniform (midpoints) | monte-carlo",
    )
    points: int = Field(
        ge=2,
        le=10_000,
        description="points along each axis; with fewer points than parameters the rule bounds the rank of the Hessian",
        examples=[20],
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
        description="the learning rate falls geometrically to decay * learning_rate; 1 keeps it constant",
    )


class LBFGSSettings(Section):
    """A phase of L-BFGS with a strong Wolfe line search; it stops early when the gradient is small or no step helps."""

    optimizer: Literal["lbfgs"]
    steps: int = Field(ge=1, le=100_000_000, description="largest number of steps")
    history_size: int = Field(default=50, ge=1, le=10_000, description="number of pairs (s, y) that are kept")
    gradient_tolerance: float = Field(
        default=1e-9, ge=0, lt=1, description="stop when the largest entry of the gradient is below this"
    )


Phase = Annotated[AdamSettings | LBFGSSettings, Field(discriminator="optimizer")]


class SnapshotSettings(Section):
    """Parameters kept along the way, for checkpoints and trajectories."""

    even: int = Field(default=40, ge=0, le=10_000, description="number of snapshots evenly spaced in steps")
    logarithmic: int = Field(default=30, ge=0, le=10_000, description="number of snapshots logarithmically spaced in steps")


class TrainingSettings(Section):
    """How a network is trained, and what is recorded; problems.<name>.training overrides single keys."""

    phases: Entries[Phase] = Field(
        min_length=1,
        max_length=20,
        description="optimisers that run one after the other, full batch",
        examples=[
            [
                {"optimizer": "adam", "steps": 500, "learning_rate": 0.01, "decay": 0.1},
                {"optimizer": "lbfgs", "steps": 1500},
            ]
        ],
    )
    log_every: int = Field(default=10, ge=1, description="steps between two records in training.nc")
    snapshots: SnapshotSettings = defaults_of(SnapshotSettings)


class Model(Section):
    """What defines the losses of a problem; ``parameters`` are the coefficients of its equation."""

    network: NetworkSettings
    quadrature: QuadratureSettings
    parameters: dict[ParameterName, float]


class DirectionSettings(Section):
    """Random directions in parameter space."""

    normalization: Literal["filter", "layer", "global", "none"] = Field(
        default="filter", description="what random directions are scaled by, to the norms of the trained parameters"
    )
    bias: Literal["row", "own", "zero"] = Field(
        default="row",
        description="biases of random directions: row (scaled with their filter) | own (each vector to its own norm) | zero",
    )
    lines: int = Field(default=16, ge=2, le=1000, description="number of random lines in the bundle")


class RadiusSettings(Section):
    """Half widths of planes and lines, in units of the norm of the directions."""

    random: Optional[float] = Field(default=None, gt=0, le=100, description="random plane", examples=[1.0])
    hessian_top: Optional[float] = Field(
        default=None, alias="hessian-top", gt=0, le=100, description="plane of the two largest eigenvalues", examples=[0.1]
    )
    hessian_extreme: Optional[float] = Field(
        default=None,
        alias="hessian-extreme",
        gt=0,
        le=100,
        description="plane of the largest and the smallest eigenvalue",
        examples=[0.1],
    )
    lines: float = Field(gt=0, le=100, description="random lines", examples=[1.0])

    def of_plane(self, plane: str) -> float | None:
        """The radius of a plane by its name."""
        return getattr(self, plane.replace("-", "_"))


class GridSettings(Section):
    """Points at which losses are evaluated."""

    planes: Distinct[Plane] = Field(
        default=("random", "trajectory", "hessian-top", "hessian-extreme"),
        min_length=1,
        description="planes through the trained parameters; the bundle of lines is always there",
    )
    tolerance: float = Field(
        default=1e-5,
        ge=0,
        le=0.1,
        description="of a spectral (Chebyshev) surface: its largest error relative to its range; 0: every point of the grid is evaluated",
    )
    points: Odd = Field(default=41, ge=3, le=2001, description="points along each axis of the stored grid of a plane, odd")
    line_points: Odd = Field(default=101, ge=3, le=100_001, description="points along a line, odd")
    radius: RadiusSettings
    margin: float = Field(
        default=0.2,
        ge=0,
        le=10,
        description="of a trajectory plane, beyond the projected trajectory, as a fraction of its extent",
    )

    @model_validator(mode="after")
    def _each_plane_has_a_radius(self) -> Self:
        for plane in self.planes:
            if plane != "trajectory" and self.radius.of_plane(plane) is None:
                raise fault(f"is missing; must be a number above 0, because grid.planes has {plane}", f"radius.{plane}")
        return self


class PlaneGrid(Section):
    """What matters of ``grid`` for one plane, or for the lines; what belongs to other planes is 0."""

    tolerance: float
    points: int = 0
    line_points: int = 0
    radius: float = 0.0
    margin: float = 0.0


class EigensolverSettings(Section):
    """How eigenvalues are computed; hessian.eigensolver and techniques.<name>.eigensolver override single keys."""

    dense_limit: int = Field(
        default=2500,
        ge=0,
        le=50_000,
        description="up to this many parameters: the exact dense spectrum, and matrices of at most this many rows; beyond: Lanczos",
    )
    lanczos_steps: int = Field(
        default=300, ge=1, le=100_000, description="Hessian-vector products of one Lanczos process, at most"
    )
    lanczos_tolerance: float = Field(
        default=1e-9, gt=0, lt=1, description="residual norm of an eigenpair, relative to the largest eigenvalue"
    )

    def overridden(self, *others: "EigensolverSettings") -> "EigensolverSettings":
        """With the keys that others state, the last of which counts."""
        return self.model_copy(update={name: getattr(other, name) for other in others for name in other.model_fields_set})


def overriding(text: str = "", **values: Any) -> Any:
    """The key ``eigensolver`` of a section: what differs there from that of all, and a text about it."""
    own = "keys of eigensolver that differ here"
    return Field(default_factory=lambda: EigensolverSettings(**values), description=f"{own}; {text}" if text else own)


class DensitySettings(Section):
    """Spectral density by stochastic Lanczos quadrature."""

    probes: int = Field(default=8, ge=2, le=10_000, description="number of random vectors; two at least, for a standard error")
    steps: int = Field(default=50, ge=2, le=10_000, description="Lanczos steps a vector")
    deflate: int = Field(
        default=10,
        ge=0,
        le=1000,
        description="eigenpairs at each end that are taken out and counted exactly; at most hessian.extremes",
    )
    bins: int = Field(default=400, ge=2, le=100_000, description="points of the smoothed density")
    width: float = Field(
        default=0.005, gt=0, le=1, description="standard deviation of the smoothing, relative to the largest eigenvalue"
    )


class SpectrumSettings(Section):
    """How the spectrum of a Hessian is measured."""

    eigensolver: EigensolverSettings = overriding()
    extremes: int = Field(default=10, ge=2, le=1000, description="number of eigenvectors kept at each end")
    density: DensitySettings = defaults_of(DensitySettings)
    null_tolerance: float = Field(
        default=1e-10, ge=0, lt=1, description="eigenvalues below this, relative to the largest in magnitude, count as zero"
    )

    @model_validator(mode="after")
    def _what_is_deflated_is_found(self) -> Self:
        if self.density.deflate > self.extremes:
            text = f"must be at most hessian.extremes ({self.extremes}); got {self.density.deflate}"
            raise fault(text, "density.deflate")
        return self


class HessianSettings(SpectrumSettings):
    """Spectra of Hessians."""

    checkpoints: Distinct[Checkpoint] = Field(
        min_length=1,
        description="points in training whose Hessians are analysed, final among them",
        examples=[["init", "middle", "final"]],
    )


class FigureSettings(Section):
    """How figures look."""

    seed: Optional[int] = Field(
        default=None,
        ge=0,
        description="which seed the planes and solutions show, by default the first of study.seeds (training curves, spectra and claims "
        "use all)",
        examples=[0],
    )
    dpi: int = Field(default=200, ge=30, le=1200, description="of the PNG files")


class PathTraining(Section):
    """How a curve between two points is trained."""

    steps: int = Field(default=400, ge=1, le=50_000, description="of Adam, for each curve")
    learning_rate: float = Field(default=0.03, gt=0, le=1000, description="learning rate at the first step")
    decay: float = Field(default=0.01, gt=0, le=1, description="last learning rate over first one")
    perturbation: float = Field(
        default=0.05,
        ge=0,
        le=10,
        description="random displacement of the inner control points from the straight line at first, relative to the distance of the "
        "two points",
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="of this displacement")
    check: int = Field(
        default=20, ge=1, le=50_000, description="steps after which a path is evaluated; the lowest of these is kept"
    )
    nodes: int = Field(default=10, ge=1, le=1000, description="of the integral over the curve")

    _order = ordered("check", "steps")
