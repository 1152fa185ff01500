"""The whole configuration: the sections that all studies share, and one for each technique."""

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

PROBLEMS = "problems"  # in the context of a validation: the names in the catalogue of problems
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
                "description": "a name of lower-case letters, digits, hyphens and underscores that starts with a letter, of at most 64 "
                "characters, and other than benchmarks, figures, gallery, logs and tables, which are folders of results",
            }
        ),
    ],
)


class StudySettings(Section):
    """What is studied: one network is trained for each problem, formulation and seed."""

    problems: Distinct[ProblemName] = Field(
        min_length=1,
        description="which boundary value problems",
        examples=[["poisson1d", "poisson2d", "semilinear2d", "neo_hookean2d"]],
    )
    formulations: Distinct[Formulation] = Field(
        min_length=1,
        description="losses that are minimised; supervised: the same network fitted to the exact solution",
        examples=[["deep-ritz", "strong-form", "supervised"]],
    )
    seeds: Distinct[Annotated[int, Field(ge=0, le=2**31 - 1, description="a seed")]] = Field(
        min_length=1,
        description="independent initialisations; every claim is reported with its spread over them",
        examples=[[0, 1, 2]],
    )


@partial
class NetworkOverride(NetworkSettings):
    """Keys of network that differ."""


@partial
class QuadratureOverride(QuadratureSettings):
    """Keys of quadrature that differ."""


@partial
class TrainingOverride(TrainingSettings):
    """Keys of training that differ; a list of phases replaces the whole list."""


class ProblemSettings(Section):
    """What differs for one problem."""

    network: NetworkOverride = defaults_of(NetworkOverride)
    quadrature: QuadratureOverride = defaults_of(QuadratureOverride)
    training: TrainingOverride = defaults_of(TrainingOverride)
    parameters: dict[ParameterName, float] = Field(
        default={}, description="coefficients of the equation, by the names that the problem gives them"
    )


# Those of every study first, as they come in config.yaml.
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
    """Techniques beyond surfaces and spectra: each a module of pinnscape/techniques, a file results/{case}/{name}.nc and a figure."""

    without: Distinct[TechniqueName] = Field(default=(), description="names of techniques that are left out")


class Configuration(Section):
    """A study of loss landscapes of physics-informed neural networks."""

    study: StudySettings
    extended: bool = Field(
        default=False,
        description="true: with the costly techniques, marked below; also as `snakemake -c2 --config extended=true`",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="auto (a GPU where there is one) | cpu | cuda")
    engine: EngineSettings = defaults_of(EngineSettings)
    shards: ShardSettings = defaults_of(ShardSettings)
    network: NetworkSettings
    quadrature: QuadratureSettings
    training: TrainingSettings
    problems: dict[ProblemName, ProblemSettings] = Field(
        default={},
        description="what differs, by name: single keys of network, quadrature and training above; parameters: coefficients of the equation",
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
        description="named fractions of the training steps taken (the nearest snapshot); init, best and final always exist",
        examples=[{"middle": 0.1}],
    )
    directions: DirectionSettings = defaults_of(DirectionSettings)
    grid: GridSettings
    eigensolver: EigensolverSettings = defaults_of(EigensolverSettings)
    hessian: HessianSettings
    techniques: TechniqueSettings = defaults_of(TechniqueSettings)
    claims: ClaimSettings = defaults_of(ClaimSettings)
    figures: FigureSettings = defaults_of(FigureSettings)
