"""The whole configuration: the sections that all studies share, and a section for each technique."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, create_model
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

from pinnscape.config.claims import ClaimSettings
from pinnscape.config.section import Distinct, Optional, S, Section, defaults_of, name_of, partial
from pinnscape.config.sections import (
    CheckpointName,
    ConditionSettings,
    DirectionSettings,
    EigensolverSettings,
    EngineSettings,
    FigureSettings,
    Fraction,
    GridSettings,
    HessianSettings,
    Identifier,
    Loss,
    NetworkSettings,
    QuadratureSettings,
    ShardSettings,
    TrainingSettings,
)
from pinnscape.techniques import catalog

_NAME = r"(?!(benchmarks|figures|gallery|logs|shards|tables)$)(?=.{1,64}$)[a-z][a-z0-9_-]*"
CaseName = TypeAliasType(
    "CaseName",
    Annotated[
        str,
        name_of(
            _NAME,
            "a name of lower-case letters, digits, hyphens and underscores that starts with a letter, of at most 64 characters, and "
            "other than benchmarks, figures, gallery, logs, shards and tables, which are folders of results",
        ),
    ],
)


LossName = Annotated[str, Field(description="name of a loss of the module")]


class StudySettings(Section):
    """The losses and seeds of the study; one network is trained for each case, loss and seed."""

    losses: Distinct[Loss] = Field(
        default=("deep-ritz", "strong-form", "supervised"),
        min_length=1,
        description="losses that are minimised, if a case has them; supervised: the same network is fitted to the known solution",
    )
    seeds: Distinct[Annotated[int, Field(ge=0, le=2**31 - 1, description="a seed")]] = Field(
        default=(0, 1, 2),
        min_length=1,
        description="seeds of the initial parameters; the spread over seeds is reported with each claim",
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


class CaseSettings(Section):
    """A case: a problem with its parameters and conditions, or a torch module, and settings that are overridden for it."""

    problem: Optional[str] = Field(
        default=None,
        min_length=1,
        max_length=4096,
        description="name of a problem (by default that of the case), or path of a file that defines one, such as "
        "my_problems/mine.py",
    )
    module: Optional[str] = Field(
        default=None,
        min_length=1,
        max_length=4096,
        description="in place of a problem: name of a model (digits or digits_convnet), or path of a file that defines a torch "
        "module and its losses, such as my_pinn.py",
    )
    checkpoints: Optional[str] = Field(
        default=None,
        min_length=1,
        max_length=4096,
        description="trained weights of the module: paths with * for the run and the step, as in runs/*/step-*.pt, or with "
        "{loss}, {seed} and {step}; without this key, the module is trained",
    )
    losses: Optional[Distinct[LossName]] = Field(
        default=None,
        min_length=1,
        description="losses of the module that are minimised, by default all; the only one, by default the first, if the module is "
        "trained elsewhere or trains itself",
    )
    compared: Optional[Distinct[LossName]] = Field(
        default=None,
        min_length=2,
        max_length=2,
        description="the two losses of the module that claims compare, by default the first two",
    )
    parameters: dict[Identifier, float] = Field(
        default={}, description="values of the parameters of the problem, or of the arguments of model(), by name"
    )
    conditions: dict[Identifier, ConditionSettings] = Field(
        default={}, description="how conditions are enforced, and weights of terms, by name of the condition or term"
    )
    network: NetworkOverride = defaults_of(NetworkOverride)
    quadrature: QuadratureOverride = defaults_of(QuadratureOverride)
    training: TrainingOverride = defaults_of(TrainingOverride)


class Sweep(Section):
    """Cases that differ in one setting."""

    case: str = Field(description="name of the base case, whose other settings are kept")
    vary: str = Field(description="dotted key of the setting that is varied, such as network.width or parameters.beta")
    values: Distinct[Annotated[float | int | str | bool, Field(description="a value")]] = Field(
        min_length=1, max_length=100, description="values of the setting"
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

    study: StudySettings = defaults_of(StudySettings)
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
    network: NetworkSettings = defaults_of(NetworkSettings)
    quadrature: QuadratureSettings = defaults_of(QuadratureSettings)
    training: TrainingSettings = defaults_of(TrainingSettings)
    cases: dict[CaseName, CaseSettings] = Field(
        min_length=1,
        description="cases of the study, by name; each has a problem or module, parameters, conditions, and overrides of network, "
        "quadrature and training above",
        examples=[
            {
                "poisson1d": {"quadrature": {"points": 350}},
                "poisson2d": {},
                "semilinear2d": {},
                "neo_hookean2d": {"parameters": {"mu": 1.0, "lambda": 1.0}},
                "convection": {
                    "parameters": {"beta": 5.0},
                    "conditions": {"initial": {"enforce": "soft"}, "periodic": {"enforce": "soft"}},
                },
                "digits": {
                    "module": "digits",
                    "training": {
                        "phases": [{"optimizer": "adam", "steps": 600, "learning_rate": 0.01, "decay": 0.1}],
                        "minibatches": True,
                    },
                },
            }
        ],
    )
    sweeps: dict[CaseName, Sweep] = Field(
        default={}, description="sweeps, by name; each adds cases in which one setting of a base case has other values"
    )
    checkpoints: dict[CheckpointName, Fraction] = Field(
        default={"middle": 0.1},
        description="checkpoints by name, as fractions of the training steps taken (the nearest snapshot is used); init, best "
        "and final always exist",
    )
    directions: DirectionSettings = defaults_of(DirectionSettings)
    grid: GridSettings = defaults_of(GridSettings)
    eigensolver: EigensolverSettings = defaults_of(EigensolverSettings)
    hessian: HessianSettings = defaults_of(HessianSettings)
    techniques: TechniqueSettings = defaults_of(TechniqueSettings)
    claims: ClaimSettings = defaults_of(ClaimSettings)
    figures: FigureSettings = defaults_of(FigureSettings)
