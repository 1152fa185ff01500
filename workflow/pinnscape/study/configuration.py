"""The whole configuration: the sections that all studies share, and one for each technique."""

import re
from typing import Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, WithJsonSchema, create_model
from pydantic_core import PydanticCustomError
from typing_extensions import Annotated, TypeAliasType

from pinnscape.config.section import Distinct, Section, partial
from pinnscape.config.sections import (
    CheckpointName,
    ClaimSettings,
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


class ProblemSettings(Section):
    """What differs for one problem."""

    network: partial(NetworkSettings) = Field(default_factory=partial(NetworkSettings))
    quadrature: partial(QuadratureSettings) = Field(default_factory=partial(QuadratureSettings))
    training: partial(TrainingSettings) = Field(default_factory=partial(TrainingSettings))
    parameters: dict[ParameterName, float] = Field(
        {}, description="coefficients of the equation, by the names that the problem gives them"
    )


# Those of every study first, as they come in config.yaml.
TECHNIQUES = sorted(catalog.NAMES, key=lambda name: catalog.TECHNIQUES[name].costly)
_without: Any = Distinct[Literal[*catalog.NAMES]]
_settings: dict[str, Any] = {name: catalog.module(name).Settings for name in TECHNIQUES}
TechniqueSettings = create_model(
    "TechniqueSettings",
    __base__=Section,
    __doc__="Techniques beyond surfaces and spectra, each a module of pinnscape/techniques, a file results/{problem}/{name}.nc and a figure.",
    without=(_without, Field((), description="names of techniques that are left out")),
    **{name: (settings, Field(default_factory=settings)) for name, settings in _settings.items()},
)


class Configuration(Section):
    """A study of loss landscapes of physics-informed neural networks."""

    study: StudySettings
    extended: bool = Field(
        False, description="true: with the costly techniques, marked below; also as `snakemake -c2 --config extended=true`"
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto (a GPU where there is one) | cpu | cuda")
    engine: EngineSettings = Field(default_factory=EngineSettings)
    shards: ShardSettings = Field(default_factory=ShardSettings)
    network: NetworkSettings
    quadrature: QuadratureSettings
    training: TrainingSettings
    problems: dict[ProblemName, ProblemSettings] = Field(
        {},
        description="what differs from network, quadrature and training above, and coefficients of the equation",
        examples=[
            {
                # More points than parameters: with fewer, the rule bounds the rank of the Hessian.
                "poisson1d": {"quadrature": {"points": 350}},
                "neo_hookean2d": {"parameters": {"mu": 1.0, "lambda": 1.0}},
            }
        ],
    )
    checkpoints: dict[CheckpointName, Fraction] = Field(
        {},
        description="named fractions of the training steps taken (the nearest snapshot); init, best and final always exist",
        examples=[{"middle": 0.1}],
    )
    directions: DirectionSettings = Field(default_factory=DirectionSettings)
    grid: GridSettings
    eigensolver: EigensolverSettings = Field(default_factory=EigensolverSettings)
    hessian: HessianSettings
    techniques: TechniqueSettings = Field(default_factory=TechniqueSettings)
    claims: ClaimSettings = Field(default_factory=ClaimSettings)
    figures: FigureSettings = Field(default_factory=FigureSettings)
