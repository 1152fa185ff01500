"""The whole configuration: the sections that all studies share, and a section for each technique."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, WithJsonSchema, create_model
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

from pinnscape.config.claims import ClaimSettings
from pinnscape.config.section import Distinct, S, Section, defaults_of, partial
from pinnscape.config.sections import (
    CheckpointName,
    DirectionSettings,
    EigensolverSettings,
    EngineSettings,
    FigureSettings,
    Formulation,
    Fraction,
    GridSettings,
    HessianSettings,
    NetworkSettings,
    ParameterName,
    QuadratureSettings,
    ShardSettings,
    TrainingSettings,
)
from pinnscape.techniques import catalog

PROBLEMS = "problems"  # key of the validation context for the names in the catalogue of problems
_PROBLEM = re.compile(r"(?!(benchmarks|figures|gallery|logs|tables)$)(?=.{1,64}$)[a-z][a-z0-9_-]*")


def _known_problem(name: str, info: ValidationInfo) -> str:
    if info.context and name not in info.context[PROBLEMS]:
        raise PydanticCustomError("literal_error", "unknown")
    if not _PROBLEM.fullmatch(name):
        raise PydanticCustomError("string_pattern_mismatch", "no name")
    return name


ProblemName = TypeAliasType(
    "ProblemName",
    Annotated[
        str,
        AfterValidator(_known_problem),
        WithJsonSchema(
            {
                "type": "string",
                "pattern": f"^{_PROBLEM.pattern}$",
                "description": "a name of lower-case letters, digits, hyphens and underscores that starts with a letter, of "
                "at most 64 characters, and other than benchmarks, figures, gallery, logs and tables, which are folders in "
                "results/",
            }
        ),
    ],
)


class StudySettings(Section):
    """Scope of the study: one network is trained for each problem, formulation and seed."""

    problems: Distinct[ProblemName] = Field(
        min_length=1,
        description="names of the boundary value problems",
        examples=[["poisson1d", "poisson2d", "semilinear2d", "neo_hookean2d"]],
    )
    formulations: Distinct[Formulation] = Field(
        min_length=1,
        description="losses that are minimised; supervised fits the same network to the exact solution",
        examples=[["deep-ritz", "strong-form", "supervised"]],
    )
    seeds: Distinct[Annotated[int, Field(ge=0, le=2**31 - 1, description="a seed")]] = Field(
        min_length=1,
        description="seeds of independent initialisations; every claim is reported with its spread over the seeds",
        examples=[[0, 1, 2]],
    )


@partial
class NetworkOverride(NetworkSettings):
    """Keys of network that are overridden."""


@partial
class QuadratureOverride(QuadratureSettings):
    """Keys of quadrature that are overridden."""


@partial
class TrainingOverride(TrainingSettings):
    """Keys of training that are overridden; a list of phases replaces the whole list."""


class ProblemSettings(Section):
    """Settings that are overridden for one problem."""

    network: NetworkOverride = defaults_of(NetworkOverride)
    quadrature: QuadratureOverride = defaults_of(QuadratureOverride)
    training: TrainingOverride = defaults_of(TrainingOverride)
    parameters: dict[ParameterName, float] = Field(
        default={}, description="coefficients of the equation, by their names in the definition of the problem"
    )


# Techniques of the default study come first, as in config.yaml.
TECHNIQUES = sorted(catalog.NAMES, key=lambda name: catalog.TECHNIQUES[name].costly)


def _with_each_technique(section: type[S]) -> type[S]:
    fields: dict[str, Any] = {}
    for name in TECHNIQUES:
        settings = catalog.module(name).Settings
        fields[name] = (settings, defaults_of(settings))
    return create_model(section.__name__, __base__=section, __doc__=section.__doc__, **fields)


def _known_technique(name: str) -> str:
    if name not in TECHNIQUES:
        raise PydanticCustomError("literal_error", "unknown")
    return name


TechniqueName = Annotated[
    str, AfterValidator(_known_technique), WithJsonSchema({"enum": list(catalog.NAMES), "description": "a technique"})
]


@_with_each_technique
class TechniqueSettings(Section):
    """Techniques beyond surfaces and spectra; each has a module, a file results/{case}/{name}.nc and a figure."""

    without: Distinct[TechniqueName] = Field(default=(), description="names of techniques to leave out")


class Configuration(Section):
    """A study of loss landscapes of physics-informed neural networks."""

    study: StudySettings
    extended: bool = Field(
        default=False,
        description="whether the costly techniques, marked below, are included; `snakemake -c2 --config extended=true` does "
        "the same",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="device of the computations: auto (a GPU if one is available) | cpu | cuda"
    )
    engine: EngineSettings = defaults_of(EngineSettings)
    shards: ShardSettings = defaults_of(ShardSettings)
    network: NetworkSettings
    quadrature: QuadratureSettings
    training: TrainingSettings
    problems: dict[ProblemName, ProblemSettings] = Field(
        default={},
        description="overrides for a problem, by its name: keys of network, quadrature and training, and parameters, the "
        "coefficients of its equation",
        examples=[
            {
                "poisson1d": {"quadrature": {"points": 350}},
                "poisson2d": {},
                "semilinear2d": {},
                "neo_hookean2d": {"parameters": {"mu": 1.0, "lambda": 1.0}},
            }
        ],
    )
    checkpoints: dict[CheckpointName, Fraction] = Field(
        default={},
        description="checkpoints by name, as fractions of the training steps taken (the nearest snapshot is used); init, best "
        "and final always exist",
        examples=[{"middle": 0.1}],
    )
    directions: DirectionSettings = defaults_of(DirectionSettings)
    grid: GridSettings
    eigensolver: EigensolverSettings = defaults_of(EigensolverSettings)
    hessian: HessianSettings
    techniques: TechniqueSettings = defaults_of(TechniqueSettings)
    claims: ClaimSettings = defaults_of(ClaimSettings)
    figures: FigureSettings = defaults_of(FigureSettings)
