"""The typed study: its schema and defaults, and what each stage has to know of it."""

import copy
import json
import re
import shutil
import subprocess
import sys
from typing import Any

import pytest
import yaml
from study_cases import DEFAULT, DELETE, NAMES, ROOT, changed, checked, leaves, load

from pinnscape.common.errors import StudyError
from pinnscape.config.schema import schema
from pinnscape.study import pages
from pinnscape.study.cases import merged
from pinnscape.study.configuration import Configuration
from pinnscape.study.study import LINES, Study
from pinnscape.techniques.catalog import TECHNIQUES

SCHEMA = schema(Configuration)

# ---- schema ----


def nodes(node: Any, key: tuple[Any, ...] = ()) -> Any:
    """All subschemas that describe a key or an entry."""
    for place in ("properties", "$defs"):
        for name, child in node.get(place, {}).items():
            yield (*key, place, name), child
            yield from nodes(child, (*key, place, name))
    if "items" in node:
        yield (*key, "items"), node["items"]
        yield from nodes(node["items"], (*key, "items"))


def test_schema_is_a_schema():
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(json.loads(pages.json_schema()))


@pytest.mark.parametrize(
    ("key", "node"), list(nodes(SCHEMA)), ids=lambda part: ".".join(part) if isinstance(part, tuple) else ""
)
def test_schema_describes_every_key_and_closes_every_section(key, node):
    assert node.get("description") or "$ref" in node or {"const", "enum", "oneOf"} & set(node)
    if node.get("type") == "object":
        assert node["additionalProperties"] is False or {"propertyNames", "additionalProperties"} <= set(node)


@pytest.mark.parametrize("name", pages.files())
def test_generated_files_are_those_of_the_definitions(name):
    assert (ROOT / name).read_text(encoding="utf-8") == pages.files()[name], "run `make config`"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1"), (1e-3, "1.0e-3"), (0.003, "0.003"), (1e-15, "1.0e-15"), (2.5e-7, "2.5e-7"), (1e3, "1.0e+3"), (1e6, "1.0e+6"), (1000.5, "1000.5"), (0.0, "0.0")],
)  # fmt: skip
def test_numbers_in_the_generated_file_are_numbers_in_yaml(value, text):
    assert pages.flow(value) == text
    assert yaml.safe_load(text) == value


def test_a_new_setting_is_one_line(tmp_path):
    """As docs/changing-and-rerunning.md says: the line, and `make config`."""
    shutil.copytree(ROOT / "workflow", tmp_path / "workflow", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "docs").mkdir()
    page = (ROOT / "docs/changing-and-rerunning.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"`(rays: int[^`]*)`", page)
    module = tmp_path / "workflow/pinnscape/techniques/zoom.py"
    module.write_text(
        module.read_text(encoding="utf-8").replace("    points: Odd", f"    {line}\n    points: Odd"), encoding="utf-8"
    )
    call = [sys.executable, str(tmp_path / "workflow/configure.py")]
    subprocess.run(call, check=True, capture_output=True)
    config = yaml.safe_load((tmp_path / "config.yaml").read_text(encoding="utf-8"))
    assert config["techniques"]["zoom"]["rays"] == 32
    assert "| `rays` | a whole number from 1 to 100000 | `32` |" in (tmp_path / "docs/configuration.md").read_text(
        encoding="utf-8"
    )
    config["techniques"]["zoom"]["rays"] = 0
    code = (
        f"import sys; sys.path[:0] = [{str(tmp_path / 'workflow')!r}]; from pinnscape.study.study import parse; parse({config})"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert "techniques.zoom.rays: must be a whole number from 1 to 100000; got 0" in done.stderr


def test_the_reference_names_every_key():
    text = pages.reference()
    for name, technique in Configuration.model_fields["techniques"].annotation.model_fields.items():
        for key in getattr(technique.annotation, "model_fields", {}):
            assert f"| `{key}` |" in text.partition(f"## techniques.{name}")[2].partition("\n## ")[0]
    assert "| `density.probes` | a whole number from 2 to 10000 | `8` |" in text
    assert "| `radius.hessian-top` |" in text


def test_defaults_are_those_of_the_default_study():
    given = yaml.safe_load(pages.default_study())
    least = {name: given[name] for name in ("study", "checkpoints", "cases")} | {
        "network": {"width": given["network"]["width"], "depth": given["network"]["depth"]},
        "quadrature": {"points": given["quadrature"]["points"]},
        "training": {"phases": given["training"]["phases"]},
        "grid": {"radius": given["grid"]["radius"]},
        "hessian": {"checkpoints": given["hessian"]["checkpoints"]},
    }
    assert checked(least).complete() == checked(given).complete()


def test_the_default_study_gives_every_key():
    config = yaml.safe_load(pages.default_study())
    full = checked(config).complete()
    assert merged(full, config) == full
    missing = set(map(str, leaves(full))) - set(map(str, leaves(config)))
    assert all("eigensolver" in key for key in missing)  # of which sections state what differs alone
    assert checked(full).complete() == full


def test_named_checkpoints_and_the_final_point_are_the_default():
    config = changed(("checkpoints", {"late": 0.9, "early": 0.1}), ("hessian.checkpoints", ["final"]))
    assert checked(config).technique("sharpness")["checkpoints"] == ["early", "late", "final"]


def test_sections_override_the_eigensolver_key_by_key():
    config = changed(
        ("eigensolver", {"dense_limit": 7, "lanczos_steps": 70}),
        ("hessian.eigensolver", {"lanczos_steps": 80}),
        ("techniques", {"sharpness": {"eigensolver": {"dense_limit": 0}}}),
    )
    study = checked(config)
    assert study.hessian()["eigensolver"] == {"dense_limit": 7, "lanczos_steps": 80, "lanczos_tolerance": 1e-9}
    # What is stated for a technique, then its own defaults, then what is stated for all.
    assert study.technique("sharpness")["eigensolver"] == {"dense_limit": 0, "lanczos_steps": 60, "lanczos_tolerance": 1e-3}
    assert study.technique("ntk")["eigensolver"] == {"dense_limit": 7, "lanczos_steps": 200, "lanczos_tolerance": 1e-6}


def test_costly_techniques_are_those_of_the_extended_study():
    config = changed(("techniques", {"without": ["zoom"]}))
    cheap = checked(config).techniques
    assert cheap == tuple(name for name, technique in TECHNIQUES.items() if not technique.costly and name != "zoom")
    config["extended"] = True
    assert checked(config).techniques == tuple(name for name in TECHNIQUES if name != "zoom")


def test_a_technique_gets_its_own_settings_and_those_of_its_directions():
    study = checked(changed(("techniques", {"zoom": {"points": 9}}), ("directions.normalization", "layer")))
    assert study.technique("zoom") == {
        "points": 9,
        "radii": [0.01, 0.1, 1.0, 10.0, 100.0],
        "directions": {"normalization": "layer", "bias": "row"},
    }
    assert study.technique("interpolation") == {"points": 81, "extension": 0.5}


def test_a_technique_has_random_directions_in_a_study_without_a_random_plane():
    study = checked(changed(("grid.planes", ["trajectory"])))
    assert study.technique("zoom")["directions"] == {"bias": "row", "normalization": "filter"}
    assert "zoom" in study.techniques


def test_defaults_of_optional_parts():
    config = changed(("figures", DELETE), ("checkpoints", DELETE), ("study.seeds", [4, 5]))
    config["hessian"]["checkpoints"] = ["final"]
    config["training"]["phases"] = [{"optimizer": "adam", "steps": 5, "learning_rate": 1}, {"optimizer": "lbfgs", "steps": 5}]
    study = checked(config)
    assert study.figure_seed("poisson2d") == 4
    assert study.checkpoints() == {"middle": 0.1}
    assert study.checkpoint_names == ("init", "middle", "best", "final")
    assert study.training("poisson1d")["phases"] == [
        {"decay": 1.0, "learning_rate": 1.0, "optimizer": "adam", "steps": 5},
        {"gradient_tolerance": 1e-9, "history_size": 50, "optimizer": "lbfgs", "steps": 5},
    ]


# ---- the study ----


def test_default_study():
    assert load(ROOT / "config.yaml").cases == (*NAMES, "convection", "digits")
    study = checked(DEFAULT)
    assert study.cases == NAMES
    assert study.device == "auto"
    assert len(study.runs) == 36
    assert study.runs[:2] == [("poisson1d", "deep-ritz", 0), ("poisson1d", "deep-ritz", 1)]
    assert study.planes == ("random", "trajectory", "hessian-top", "hessian-extreme", "lines")
    assert study.hessian_checkpoints == ("init", "middle", "final")
    assert study.checkpoints() == {"middle": 0.1}
    assert study.directions("random") == {"bias": "row", "normalization": "filter"}
    assert study.directions("lines") == {"bias": "row", "lines": 16, "normalization": "filter"}
    assert study.directions("trajectory") == study.directions("hessian-top") == {}
    assert study.engine() == {"compile": "auto", "memory": 1000}
    assert study.shards() == {"surfaces": 1, "hessians": 1, "techniques": 1}
    assert study.grid("random") == {"points": 41, "radius": 1.0, "tolerance": 1e-5}
    assert study.grid("hessian-top") == {"points": 41, "radius": 0.5, "tolerance": 1e-5}
    assert study.grid("trajectory") == {"margin": 0.2, "points": 41, "tolerance": 1e-5}
    assert study.grid("lines") == {"line_points": 101, "radius": 1.0, "tolerance": 1e-5}
    assert study.figures() == {"dpi": 200}


def test_overrides_change_single_keys_of_one_case():
    overrides = {
        "network": {"width": 8},
        "quadrature": {"rule": "simpson", "points": 31},
        "training": {"snapshots": {"even": 5}, "phases": [{"optimizer": "lbfgs", "steps": 7, "history_size": 3}]},
        "parameters": {"mu": 2},
    }
    study = checked(changed(("cases.neo_hookean2d", overrides)))
    assert study.model("neo_hookean2d") == {
        "network": checked(DEFAULT).model("neo_hookean2d")["network"] | {"width": 8},
        "parameters": {"mu": 2.0},
        "conditions": {},
        "problem": "neo_hookean2d",
        "quadrature": {"panels": 1, "points": 31, "resample": 0, "rule": "simpson", "seed": 0},
    }
    assert study.training("neo_hookean2d") == {
        "log_every": 10,
        "phases": [{"gradient_tolerance": 1e-9, "history_size": 3, "optimizer": "lbfgs", "steps": 7}],
        "snapshots": {"even": 5, "logarithmic": 30},
        "weights": {"every": 100, "method": "fixed"},
        "minibatches": False,
    }
    assert study.model("poisson2d") == checked(DEFAULT).model("poisson2d")
    assert study.training("poisson2d") == checked(DEFAULT).training("poisson2d")


def test_checkpoints_are_in_order_of_training():
    config = changed(("checkpoints", {"late": 0.9, "early": 0.05}), ("hessian.checkpoints", ["final", "late", "init", "early"]))
    study = checked(config)
    assert list(study.checkpoints()) == ["early", "late"]
    assert study.hessian_checkpoints == ("init", "early", "late", "final")


def test_planes_have_one_order():
    assert checked(changed(("grid.planes", ["hessian-top", "trajectory", "random"]))).planes == (*PLANES[:3], LINES)


def test_unknown_plane_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match=r"`plane` must be one of .*; got 'contour'"):
        checked(DEFAULT).grid("contour")


def test_the_configuration_is_not_changed():
    config = changed(("figures", DELETE))
    before = copy.deepcopy(config)
    checked(config)
    assert config == before


def stages(study: Study) -> dict[str, str]:
    """The settings of every stage as the text that decides on a rerun."""
    settings: dict[str, Any] = {}
    for case in study.cases:
        settings[f"model {case}"] = study.model(case)
        settings[f"training {case}"] = study.training(case)
    for plane in study.planes:
        settings[f"directions {plane}"] = study.directions(plane)
        settings[f"grid {plane}"] = study.grid(plane)
    for name in ("checkpoints", "engine", "hessian", "claims", "figures"):
        settings[name] = getattr(study, name)()
    settings["ntk"] = study.technique("ntk")  # for all techniques
    return {name: json.dumps(value) for name, value in settings.items()}


def for_cases(*names: str, but: str = "") -> set[str]:
    return {f"{name} {case}" for name in names for case in NAMES if case != but}


PLANES = ("random", "trajectory", "hessian-top", "hessian-extreme")
DEPENDENCIES = [
    ("study.seeds", [0, 1], set()),
    ("study.seeds", [2, 1, 0], set()),
    ("study.losses", ["strong-form"], set()),
    ("device", "cpu", set()),
    ("shards.surfaces", 7, set()),
    ("engine.compile", "never", {"engine"}),
    ("engine.memory", 500, {"engine"}),
    ("network.width", 32, for_cases("model")),
    ("network.depth", 3, for_cases("model")),
    ("network.activation", "sin", for_cases("model")),
    ("network.initialization", "he", for_cases("model")),
    ("network.architecture", "residual", for_cases("model")),
    ("network.scaled", True, for_cases("model")),
    ("network.fourier", 8, for_cases("model")),
    ("network.fourier_deviation", 2.0, for_cases("model")),
    ("quadrature.rule", "uniform", for_cases("model")),
    ("quadrature.panels", 2, for_cases("model")),
    ("quadrature.seed", 1, for_cases("model")),
    ("quadrature.resample", 5, for_cases("model")),
    ("quadrature.conditions", {"points": 5}, for_cases("model")),
    ("quadrature.test", {"points": 5}, for_cases("model")),
    ("quadrature.points", 21, for_cases("model", but="poisson1d")),
    ("cases.poisson1d.quadrature.points", 65, {"model poisson1d"}),
    ("cases.poisson2d.network.width", 12, {"model poisson2d"}),
    ("cases.poisson2d.training.log_every", 5, {"training poisson2d"}),
    ("cases.neo_hookean2d.parameters.mu", 2.0, {"model neo_hookean2d"}),
    ("cases.neo_hookean2d.parameters.mu", 1, set()),
    ("cases.poisson2d.problem", "poisson2d", set()),
    ("cases.poisson2d.problem", "semilinear2d", {"model poisson2d"}),
    ("cases.poisson1d.conditions", {"boundary": {"enforce": "soft", "weight": 3.0}}, {"model poisson1d"}),
    ("training.phases.0.steps", 600, for_cases("training")),
    ("training.phases.0.learning_rate", 0.02, for_cases("training")),
    ("training.phases.0.decay", 1.0, for_cases("training")),
    ("training.phases.1.steps", 600, for_cases("training")),
    ("training.phases.1.history_size", 10, for_cases("training")),
    ("training.phases.1.gradient_tolerance", 0, for_cases("training")),
    ("training.log_every", 1, for_cases("training")),
    ("training.snapshots.even", 41, for_cases("training")),
    ("training.snapshots.logarithmic", 31, for_cases("training")),
    ("checkpoints.middle", 0.2, {"checkpoints"}),
    ("checkpoints.late", 0.8, {"checkpoints"}),
    ("directions.normalization", "layer", {"directions random", "directions lines"}),
    ("directions.bias", "zero", {"directions random", "directions lines"}),
    ("directions.lines", 8, {"directions lines"}),
    ("grid.planes", [*reversed(PLANES)], set()),
    ("grid.points", 21, {f"grid {plane}" for plane in PLANES}),
    ("grid.line_points", 201, {"grid lines"}),
    ("grid.tolerance", 0, {f"grid {plane}" for plane in (*PLANES, "lines")}),
    ("grid.radius.random", 0.7, {"grid random"}),
    ("grid.radius.random", 1, set()),
    ("grid.radius.hessian-top", 0.7, {"grid hessian-top"}),
    ("grid.radius.hessian-extreme", 0.7, {"grid hessian-extreme"}),
    ("grid.radius.lines", 1.5, {"grid lines"}),
    ("grid.margin", 0.1, {"grid trajectory"}),
    ("hessian.checkpoints", ["final"], set()),
    ("eigensolver.dense_limit", 1000, {"hessian", "ntk"}),
    ("eigensolver.lanczos_steps", 200, {"hessian"}),
    ("eigensolver.lanczos_tolerance", 1e-8, {"hessian"}),
    ("hessian.eigensolver", {"dense_limit": 1000}, {"hessian"}),
    ("hessian.extremes", 12, {"hessian"}),
    ("hessian.density.probes", 4, {"hessian"}),
    ("hessian.density.steps", 40, {"hessian"}),
    ("hessian.density.deflate", 5, {"hessian"}),
    ("hessian.density.bins", 200, {"hessian"}),
    ("hessian.density.width", 0.01, {"hessian"}),
    ("hessian.null_tolerance", 1e-9, {"hessian"}),
    ("claims.smooth.variation", 1.1, {"claims"}),
    ("claims.well_conditioned.rank", 40, {"claims"}),
    ("claims.well_conditioned.ratio", 100, {"claims"}),
    ("claims.well_conditioned.share", 0.2, {"claims"}),
    ("claims.convex.negative_share", 0.02, {"claims"}),
    ("claims.convex.negative_ratio", 0.01, {"claims"}),
    ("claims.convex.radius", [0.1, 1.0], {"claims"}),
    ("claims.convex.positive_share", 0.9, {"claims"}),
    ("claims.alike.spearman", 0.8, {"claims"}),
    ("claims.alike.subspace", 5, {"claims"}),
    ("claims.alike.angle", 20, {"claims"}),
    ("claims.alike.spectrum", 0.2, {"claims"}),
    ("claims.alike.eigenvalues", 40, {"claims"}),
    ("figures.seed", 1, set()),
    ("figures.dpi", 100, {"figures"}),
]


@pytest.mark.parametrize(("key", "value", "expected"), DEPENDENCIES, ids=lambda part: part if isinstance(part, str) else "")
def test_a_stage_changes_only_with_what_it_depends_on(key, value, expected):
    before, after = stages(checked(DEFAULT)), stages(checked(changed((key, value))))
    assert before.keys() == after.keys()
    assert {name for name in before if before[name] != after[name]} == expected


def test_dependencies_are_known_for_every_key():
    tested = [key for key, _, _ in DEPENDENCIES]
    keys = {".".join(map(str, key)) for key in leaves(DEFAULT)}
    missing = {key for key in keys if not any(f"{key}.".startswith(f"{t}.") or f"{t}.".startswith(f"{key}.") for t in tested)}
    # Which cases there are decides on the keys of ``stages``; an optimiser changes together with its phase.
    assert {key for key in missing if not key.startswith("cases.")} == {
        "training.phases.0.optimizer",
        "training.phases.1.optimizer",
    }


def test_the_order_of_keys_in_the_file_does_not_matter():
    def turned(node: Any) -> Any:
        return {name: turned(node[name]) for name in reversed(node)} if isinstance(node, dict) else node

    assert stages(checked(turned(DEFAULT))) == stages(checked(DEFAULT))


def test_settings_are_copies():
    study = checked(DEFAULT)
    study.training("poisson1d")["phases"].clear()
    study.model("poisson1d")["network"]["width"] = 0
    study.checkpoints().clear()
    study.claims()["convex"]["radius"].clear()
    assert stages(study) == stages(checked(DEFAULT))


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("study.study", ("torch", "snakemake", "jsonschema")),
        ("config.sections", ("torch", "numpy", "xarray", "yaml", "snakemake")),
    ],
)
def test_imports_are_light(module, absent):
    code = f"import sys, pinnscape.{module}; print(sorted(set({absent}) & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT / "workflow")
    assert result.stdout == "[]\n"


def test_radius_is_needed_only_for_chosen_planes():
    config = changed(("grid.planes", ["trajectory"]), ("grid.radius", {"lines": 1.0}))
    assert checked(config).planes == ("trajectory", LINES)


def test_spacing_may_be_the_smallest_radius():
    checked(changed(("grid.line_points", 41), ("claims.convex.radius", [0.05])))
    checked(changed(("grid.line_points", 7), ("claims.convex.radius", [1 / 3])))


@pytest.mark.parametrize("network", [{"width": 256, "depth": 3}, {"width": 64, "depth": 3}, {"width": 8, "depth": 2}])
def test_claims_that_need_the_whole_spectrum_do_not_stop_a_study_of_a_larger_network(network):
    """They are not measured where only the ends of the spectrum are computed."""
    study = checked(changed(("cases.poisson2d.network", network)))
    assert study.all_cases["poisson2d"].model.network.width == network["width"]
    assert checked(changed(("network", {**DEFAULT["network"], **network}))).claims()["well_conditioned"]["rank"] == 50


def test_a_rank_that_no_spectrum_of_the_network_has_is_still_refused():
    with pytest.raises(StudyError, match=r"claims.well_conditioned.rank: must be at most 337 for "):
        checked(changed(("claims.well_conditioned.rank", 338), ("cases", {"poisson2d": {}})))
