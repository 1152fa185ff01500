"""The default configuration, changes to it, and values that are refused."""

import copy
import math
from pathlib import Path
from typing import Any

import yaml

from pinnscape.config.reading import read
from pinnscape.study.study import Study, parse

ROOT = Path(__file__).parents[1]
NAMES = ("poisson1d", "poisson2d", "semilinear2d", "neo_hookean2d")
# A study with every key, so that tests do not hang on the values of the repository's own.
DEFAULT = yaml.safe_load("""
study:
  losses: [deep-ritz, strong-form, supervised]
  seeds: [0, 1, 2]
device: auto
engine: {compile: auto, memory: 1000}
network: {architecture: mlp, width: 16, depth: 2, activation: tanh, initialization: glorot, scaled: false, fourier: 0, fourier_deviation: 1.0}
quadrature: {rule: gauss-legendre, points: 20, panels: 1, seed: 0, resample: 0}
training:
  phases:
    - {optimizer: adam, steps: 500, learning_rate: 0.01, decay: 0.1}
    - {optimizer: lbfgs, steps: 1500, history_size: 50, gradient_tolerance: 1.0e-9}
  log_every: 10
  snapshots: {even: 40, logarithmic: 30}
cases:
  poisson1d:
    quadrature: {points: 64}
  poisson2d: {}
  semilinear2d: {}
  neo_hookean2d:
    parameters: {mu: 1.0, lambda: 1.0}
checkpoints: {middle: 0.1}
directions: {normalization: filter, bias: row, lines: 16}
grid:
  planes: [random, trajectory, hessian-top, hessian-extreme]
  points: 41
  line_points: 101
  tolerance: 1.0e-5
  radius: {random: 1.0, hessian-top: 0.5, hessian-extreme: 0.5, lines: 1.0}
  margin: 0.2
eigensolver: {dense_limit: 2500, lanczos_steps: 300, lanczos_tolerance: 1.0e-9}
hessian:
  checkpoints: [init, middle, final]
  extremes: 10
  density: {probes: 8, steps: 50, deflate: 10, bins: 400, width: 0.005}
  null_tolerance: 1.0e-10
claims:
  smooth: {variation: 1.05}
  well_conditioned: {rank: 50, ratio: 1.0e+3, share: 0.1}
  convex: {negative_share: 0.01, negative_ratio: 1.0e-3, radius: [0.05, 0.1, 0.25, 0.5, 1.0], positive_share: 0.95}
  alike: {spearman: 0.9, subspace: 10, angle: 30.0, spectrum: 0.3, eigenvalues: 50}
figures: {seed: 0, dpi: 200}
""")
DELETE = object()


def checked(config: Any) -> Study:
    return parse(config)


def load(path: Path) -> Study:
    return parse(read(path), source=str(path))


def changed(*changes: tuple[str, Any]) -> dict[str, Any]:
    """The default configuration with other values at keys such as ``training.phases.0.steps``."""
    config = copy.deepcopy(DEFAULT)
    for key, value in changes:
        *path, last = [int(part) if part.isdigit() else part for part in key.split(".")]
        node = config
        for part in path:
            node = node[part] if isinstance(part, int) else node.setdefault(part, {})
        if value is DELETE:
            del node[last]
        else:
            node[last] = value
    return config


def leaves(node: Any, key: tuple[Any, ...] = ()) -> Any:
    """All keys of a configuration, entries of lists too."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, child in items:
        yield (*key, name)
        yield from leaves(child, (*key, name))


# Key, value, and a fragment of the line with which it is refused.
ADAM = {"optimizer": "adam", "steps": 10, "learning_rate": 0.01}
WIDTHS = {"case": "poisson2d", "vary": "network.width", "values": [8, 12]}
BAD: list[tuple[str, Any, str]] = [
    # techniques
    ("extended", "yes", "extended: must be true or false; got 'yes'"),
    ("techniques", {"zom": {}}, "techniques.zom: unknown key; did you mean zoom?"),
    ("techniques", {"without": ["zom"]}, "techniques.without[0]: must be one of"),
    ("techniques", {"without": "zoom"}, "techniques.without: must be a list of entries, each one of"),
    (
        "techniques",
        {"zoom": {"points": 30}},
        "techniques.zoom.points: must be odd, so that the centre is one of the points; got 30",
    ),
    (
        "techniques",
        {"zoom": {"radii": []}},
        "techniques.zoom.radii: must be a list of at least 1 entry, each a finite number above 0",
    ),
    ("techniques", {"ntk": {"checkpoints": ["last"]}}, "techniques.ntk.checkpoints[0]: must be one of init,"),
    ("techniques", {"basin": {"largest": 1e-4}}, "techniques.basin.smallest: must be at most largest (0.0001); got 0.001"),
    (
        "techniques",
        {"goldilocks": {"largest": 0.01}},
        "techniques.goldilocks.smallest: must be at most largest (0.01); got 0.1",
    ),
    (
        "techniques",
        {"curves": {"images": 1, "inserted": 3}},
        "techniques.curves.inserted: must be at most the number of segments of the initial band, images + 1 (2); got 3",
    ),
    (
        "techniques",
        {"roughness_rules": {"line_points": 40}},
        "techniques.roughness_rules.line_points: must be odd, so that the centre is one of the points; got 40",
    ),
    ("techniques", {"stability": {"steps": 5}}, "techniques.stability.record_every: must be at most steps (5); got 20"),
    ("claims", {"data_driven": {"bulk": 2}}, "claims.data_driven.bulk: must be a finite number from 0 to 1; got 2"),
    # keys
    ("netwrk", {"width": 3}, "netwrk: unknown key; did you mean network? known keys are"),
    ("seeds", [0], "seeds: unknown key; did you mean study.seeds?"),
    ("zzz", 1, "zzz: unknown key; known keys are cases, checkpoints, claims"),
    ("training.learning_rate", 0.1, "training.learning_rate: unknown key; did you mean training.phases[0].learning_rate?"),
    ("grid.radius.trajectory", 1.0, "grid.radius.trajectory: unknown key"),
    ("hessian.density.widht", 0.1, "hessian.density.widht: unknown key; did you mean width?"),
    ("claims.convex.radii", [0.1], "claims.convex.radii: unknown key; did you mean radius?"),
    ("cases.poisson1d.netwrk", {}, "cases.poisson1d.netwrk: unknown key; did you mean network?"),
    ("cases.poisson1d.training.snapshots.odd", 3, "cases.poisson1d.training.snapshots.odd: unknown key"),
    ("network.bad\nname", 3, "network.'bad\\nname': unknown key"),
    ("checkpoints", {1: 0.5}, "checkpoints.1: keys must be text, and YAML reads this one as 1: put it in quotes"),
    ("checkpoints", {False: 0.5}, "checkpoints.false: keys must be text, and YAML reads this one as false"),
    # types
    (
        "network",
        None,
        "network: must be a section with keys among activation, architecture, depth, fourier, fourier_deviation, initialization,",
    ),
    (
        "cases.poisson2d",
        None,
        "cases.poisson2d: must be a section with keys among checkpoints, compared, conditions, losses, module, network, parameters, problem, quadrature, training",
    ),
    ("checkpoints", None, "checkpoints: must be a mapping from names to values; got nothing (null)"),
    ("network.width", None, "network.width: must be a whole number from 1 to 8192; got nothing (null)"),
    ("network.width", 16.0, "network.width: must be a whole number from 1 to 8192; got 16.0: write 16"),
    ("network.width", True, "got true"),
    ("network.width", "wide", "network.width: must be a whole number from 1 to 8192; got 'wide'"),
    ("network.width", "16", "got '16', which YAML reads as text: write 16 without quotes"),
    ("network.width", "1e2", "got '1e2', which YAML reads as text: write 100"),
    ("network.activation", True, "network.activation: must be one of tanh, sin, swish, softplus, gelu, relu, relu3; got true"),
    (
        "network.activation",
        ["tanh"],
        "network.activation: must be one of tanh, sin, swish, softplus, gelu, relu, relu3; got ['tanh']",
    ),
    ("study.seeds", 0, "study.seeds: must be a list of at least 1 entry, each a whole number from 0"),
    ("study.seeds", [0, True], "study.seeds[1]: must be a whole number from 0 to 2147483647; got true"),
    ("study.seeds", [1, 1.0], "study.seeds[1]: must be a whole number"),
    (
        "grid.radius",
        1.0,
        "grid.radius: must be a section with keys among hessian-extreme, hessian-top, lines, random; got 1.0",
    ),
    ("training.phases", ADAM, "training.phases: must be a list of 1 to 20 entries, each a section"),
    ("training.phases", ["adam"], "training.phases[0]: must be a section"),
    ("eigensolver.lanczos_tolerance", "1e-9", "got '1e-9', which YAML reads as text: write 1.0e-9"),
    ("eigensolver.lanczos_tolerance", "1E9", "which YAML reads as text: write 1.0e+9"),
    ("eigensolver.lanczos_tolerance", "-.5e-3", "which YAML reads as text: write -0.5e-3"),
    ("claims.well_conditioned.ratio", "1.0e3", "which YAML reads as text: write 1.0e+3"),
    ("claims.well_conditioned.ratio", "1.0e+3", "which YAML reads as text: write 1.0e+3 without quotes"),
    ("claims.well_conditioned.ratio", "0x10", "claims.well_conditioned.ratio: must be a finite number at least 1; got '0x10'"),
    ("grid.margin", math.nan, "grid.margin: must be a finite number from 0 to 10; got nan"),
    ("claims.well_conditioned.ratio", math.inf, "claims.well_conditioned.ratio: must be a finite number at least 1; got inf"),
    (
        "cases.neo_hookean2d.parameters.mu",
        "soft",
        "cases.neo_hookean2d.parameters.mu: must be a finite number; got 'soft'",
    ),
    (
        "cases.neo_hookean2d.parameters.mu",
        -math.inf,
        "cases.neo_hookean2d.parameters.mu: must be a finite number; got -inf",
    ),
    ("cases.neo_hookean2d.parameters.mu", 10**400, "cases.neo_hookean2d.parameters.mu: is too large a number"),
    ("cases.neo_hookean2d.parameters", [1, 2], "cases.neo_hookean2d.parameters: must be a mapping from names to values"),
    # ranges
    ("network.width", 0, "network.width: must be a whole number from 1 to 8192; got 0"),
    ("network.depth", 65, "network.depth: must be a whole number from 1 to 64; got 65"),
    ("study.seeds", [-1], "study.seeds[0]: must be a whole number from 0 to 2147483647; got -1"),
    ("grid.radius.random", 0, "grid.radius.random: must be a finite number above 0 and at most 100; got 0"),
    ("hessian.density.probes", 1, "hessian.density.probes: must be a whole number from 2"),
    ("claims.convex.radius", [0.0, 0.5], "claims.convex.radius[0]: must be a finite number above 0; got 0.0"),
    ("checkpoints.middle", 0, "checkpoints.middle: must be a finite number above 0 and below 1; got 0"),
    ("checkpoints.middle", 1.0, "checkpoints.middle: must be a finite number above 0 and below 1; got 1.0"),
    ("cases.poisson1d.quadrature.points", 0, "cases.poisson1d.quadrature.points: must be a whole number from 1"),
    # lists
    ("study.seeds", [], "study.seeds: must be a list of at least 1 entry, each a whole number"),
    ("study.seeds", [0, 1, 0], "study.seeds: must not contain an entry twice; got 0 twice"),
    ("grid.planes", [], "grid.planes: must be a list of at least 1 entry, each one of random, trajectory"),
    ("training.phases", [], "training.phases: must be a list of 1 to 20 entries"),
    ("claims.convex.radius", [], "claims.convex.radius: must be a list of at least 1 entry, each a finite number above 0"),
    ("hessian.checkpoints", [], "hessian.checkpoints: must be a list of at least 1 entry, each text; got []"),
    # names
    ("device", "gpu", "device: must be one of auto, cpu, cuda; got 'gpu'"),
    ("study.losses", ["deepritz"], "got 'deepritz'; did you mean deep-ritz?"),
    (
        "grid.planes",
        ["random", "lines"],
        "grid.planes[1]: must be one of random, trajectory, hessian-top, hessian-extreme; got 'lines'",
    ),
    (
        "cases.poison1d",
        {},
        "cases.poison1d.problem: poison1d: no such problem; there are poisson1d, poisson2d, ",
    ),
    ("checkpoints", {"init": 0.5}, "checkpoints.init: must be a name of lower-case letters, digits and single hyphens"),
    ("checkpoints", {"../../x": 0.5}, "checkpoints.'../../x': must be a name of lower-case letters"),
    ("checkpoints", {"/etc": 0.5}, "checkpoints.'/etc': must be a name"),
    ("checkpoints", {"middle\n": 0.5}, "checkpoints.'middle\\n': must be a name"),
    ("checkpoints", {"Late": 0.5}, "checkpoints.Late: must be a name"),
    ("checkpoints", {"": 0.5}, "checkpoints.'': must be a name"),
    ("checkpoints", {"a" * 41: 0.5}, "of at most 40 characters"),
    ("cases.neo_hookean2d.parameters", {"m u": 1.0}, "cases.neo_hookean2d.parameters.'m u': must be a name of letters"),
    (
        "cases.neo_hookean2d.parameters",
        {"mue": 1.0},
        "parameters.mue: unknown name; must be one of lambda, mu; did you mean mu?",
    ),
    ("cases.poisson1d.parameters", {"mu": 1.0}, "cases.poisson1d.parameters.mu: unknown name; must be left out"),
    # phases
    ("training.phases.0", {"steps": 5}, "training.phases[0].optimizer: is missing; must be one of adam, lbfgs"),
    (
        "training.phases.0",
        {"optimiser": "adam", "steps": 5},
        "training.phases[0].optimizer: is missing; must be one of adam, lbfgs; did you misspell it as optimiser?",
    ),
    ("training.phases.0.optimizer", "sgd", "training.phases[0].optimizer: must be one of adam, lbfgs; got 'sgd'"),
    (
        "training.phases.0.optimizer",
        "Adam",
        "training.phases[0].optimizer: must be one of adam, lbfgs; got 'Adam'; did you mean adam?",
    ),
    (
        "training.phases.0.memory",
        5,
        "training.phases[0].memory: unknown key; did you mean engine.memory? known keys are decay, learning_rate, optimizer",
    ),
    ("training.phases.1.learning_rate", 0.1, "training.phases[1].learning_rate: unknown key"),
    ("training.phases.0.lr", 0.1, "training.phases[0].lr: unknown key; known keys are decay, learning_rate, optimizer, steps"),
    (
        "training.phases.0.learning_rate",
        "1e-3",
        "learning_rate: must be a finite number above 0 and at most 10; got '1e-3', which YAML reads as text: write 1.0e-3",
    ),
    (
        "training.phases.0.learning_rate",
        0,
        "training.phases[0].learning_rate: must be a finite number above 0 and at most 10; got 0",
    ),
    ("training.phases.0.decay", 1.5, "training.phases[0].decay: must be a finite number above 0 and at most 1; got 1.5"),
    (
        "training.phases.1.steps",
        1e3,
        "training.phases[1].steps: must be a whole number from 1 to 100000000; got 1000.0: write 1000",
    ),
    (
        "cases.poisson2d.training.phases",
        [{"optimizer": "adam", "steps": 5}],
        "cases.poisson2d.training.phases[0].learning_rate: is missing",
    ),
    # cases
    ("study.losses", ["deep-rits"], "got 'deep-rits'; did you mean deep-ritz?"),
    ("cases", {}, "cases: must be a mapping from names to values; got {}"),
    ("cases", {"../mine": {}}, "cases.'../mine': must be a name of lower-case letters, digits, hyphens and underscores"),
    ("cases", {"Mine": {}}, "cases.Mine: must be a name of lower-case letters"),
    ("cases", {"m" * 65: {}}, "of at most 64 characters"),
    ("cases.mine", {"problem": "poisson3d"}, "cases.mine.problem: poisson3d: no such problem; there are poisson1d, poisson2d,"),
    ("cases.mine", {"problem": ["poisson1d"]}, "cases.mine.problem: must be text; got ['poisson1d']"),
    ("cases.mine", {}, "cases.mine.problem: mine: no such problem; there are "),
    ("cases.mine", {"problem": "none.py"}, "cases.mine.problem: none.py: cannot be read (No such file or directory)"),
    ("cases.mine", {"problem": "no\0ne.py"}, "mine.problem: no\\x00ne.py: cannot be read (embedded null byte)"),
    ("cases.mine", {"problem": "x" * 5000 + ".py"}, "cases.mine.problem: must be text"),
    ("cases.mine", {"problem": "x" * 4000}, "cases.mine.problem: " + "x" * 97 + "...: no such problem; there are "),
    ("cases.burgers", {"parameters": {"nu": 0}}, "cases.burgers.parameters.nu: must be a number above 0; got 0"),
    # conditions
    (
        "cases.convection",
        {"conditions": {"initail": {"enforce": "soft"}}},
        "cases.convection.conditions.initail: Convection has no condition or term `initail`; it has initial, periodic, interior; did you mean initial?",
    ),
    (
        "cases.poisson1d.conditions",
        {"boundary": {"enforce": "sofd"}},
        "cases.poisson1d.conditions.boundary.enforce: must be one of hard, soft; got 'sofd'; did you mean soft?",
    ),
    (
        "cases.convection",
        {"conditions": {"initial": {"enforce": "soft", "weight": -1}}},
        "cases.convection.conditions.initial.weight: must be a finite number from 0 to 1000000000000.0; got -1",
    ),
    (
        "cases.convection",
        {"conditions": {"initial": {"harmonics": 2}}},
        "cases.convection.conditions.initial: the condition initial has no setting `harmonics`; it has enforce, weight",
    ),
    (
        "cases.convection",
        {"conditions": {"interior": {"enforce": "soft"}}},
        "cases.convection.conditions.interior: the term interior has no setting `enforce`; it has weight",
    ),
    (
        "cases.convection",
        {"conditions": {"initial": {"weight": 10}}},
        "conditions.initial.weight: has no effect, because the condition is hard; set cases.convection.conditions.initial.enforce: soft",
    ),
    (
        "cases.convection",
        {"conditions": {"periodic": {"enforce": "soft", "harmonics": 2}}},
        "cases.convection.conditions.periodic.harmonics: has no effect, because the condition is soft; set ",
    ),
    (
        "cases.wave",
        {"conditions": {"initial": {"enforce": "soft"}}},
        "Wave.conditions: a hard InitialRate of u needs a hard Initial beside it; add it, or make both soft",
    ),
    # quadrature
    (
        "cases.poisson2d.quadrature",
        {"rule": "duffy"},
        "cases.poisson2d.quadrature.rule: must be another rule for poisson2d: duffy is for domains with a reentrant corner",
    ),
    (
        "cases.poisson2d.quadrature",
        {"test": {"rule": "duffy", "points": 4}},
        "cases.poisson2d.quadrature.test.rule: must be another rule for poisson2d: duffy is for",
    ),
    ("quadrature.test", {"rule": "sobol"}, "quadrature.test.points: is missing; must be a whole number from 1"),
    (
        "cases.poisson2d.quadrature",
        {"conditions": {"point": 4}},
        "cases.poisson2d.quadrature.conditions.point: unknown key; did you mean points?",
    ),
    # sweeps
    ("sweeps", {"width": {}}, "sweeps.width.case: is missing; must be text"),
    ("sweeps.figures", WIDTHS, "sweeps.figures: must be a name of lower-case letters"),
    (
        "sweeps.width",
        WIDTHS | {"case": "poison2d"},
        "sweeps.width.case: must be one of poisson1d, poisson2d, semilinear2d, neo_hookean2d; got 'poison2d'; did you mean poisson2d?",
    ),
    ("sweeps.width", WIDTHS | {"values": []}, "sweeps.width.values: must be a list of 1 to 100 entries"),
    ("sweeps.width", WIDTHS | {"values": [2, 2]}, "sweeps.width.values: must not contain an entry twice; got 2 twice"),
    (
        "sweeps.width",
        WIDTHS | {"values": [None]},
        "sweeps.width.values[0]: must be a finite number, a whole number, text, or true or false; got nothing (null)",
    ),
    ("sweeps.width", WIDTHS | {"vary": "netwrk.width"}, "sweeps.width: netwrk: unknown key; did you mean network?"),
    ("sweeps.width", WIDTHS | {"vary": "network.widht"}, "sweeps.width: network.widht: unknown key; did you mean width?"),
    ("sweeps.width", WIDTHS | {"vary": ""}, "sweeps.width: '': unknown key; known keys are checkpoints, compared, conditions"),
    ("sweeps.width", WIDTHS | {"vary": "network"}, "sweeps.width: network: must be a section with keys among"),
    (
        "sweeps.width",
        WIDTHS | {"values": [8, "wide"]},
        "sweeps.width: network.width: must be a whole number from 1 to 8192; got 'wide'",
    ),
    (
        "sweeps.width",
        WIDTHS | {"values": [8, True]},
        "sweeps.width: network.width: must be a whole number from 1 to 8192; got true",
    ),
    (
        "sweeps.width",
        WIDTHS | {"values": [1.5, 8]},
        "sweeps.width: network.width: must be a whole number from 1 to 8192; got 1.5",
    ),
    (
        "sweeps.width",
        WIDTHS | {"vary": "quadrature.rule", "values": ["sobol", "Sobol"]},
        "sweeps.width.values: makes a case width-sobol, which there is already; rename the sweep, or leave 'Sobol' out",
    ),
    (
        "sweeps.mu",
        {"case": "neo_hookean2d", "vary": "parameters.mu", "values": [1.0, 1.00000001]},
        "sweeps.mu.values: makes a case mu-1, which there is already; rename the sweep, or leave 1.00000001 out",
    ),
    (
        "sweeps.mu",
        {"case": "neo_hookean2d", "vary": "parameters.mu", "values": [-1.0]},
        "sweeps.mu: parameters.mu: must be a number above 0; got -1",
    ),
    (
        "sweeps.mu",
        {"case": "neo_hookean2d", "vary": "parameters.nu", "values": [1.0]},
        "sweeps.mu: parameters.nu: unknown name; must be one of lambda, mu",
    ),
    (
        "sweeps.problem",
        {"case": "poisson2d", "vary": "problem", "values": ["x" * 100]},
        "sweeps.problem.values: makes a name of more than 100 characters of 'xxx",
    ),
    (
        "sweeps.points",
        {"case": "poisson2d", "vary": "quadrature.points", "values": [0]},
        "sweeps.points: quadrature.points: must be a whole number from 1 to 1000000; got 0",
    ),
    (
        "sweeps.small",
        {"case": "poisson2d", "vary": "network.width", "values": [1]},
        "hessian.extremes: must be at most 3 for small-1, whose network has 7 parameters; got 10",
    ),
    (
        "sweeps.weight",
        {"case": "poisson2d", "vary": "conditions.boundary.weight", "values": [1, 10]},
        "sweeps.weight: conditions.boundary.weight: has no effect, because the condition is hard; set ",
    ),
    # contradictions
    ("figures.seed", 3, "figures.seed: must be one of study.seeds (0, 1, 2); got 3"),
    ("study.seeds", [1], "figures.seed: must be one of study.seeds (1); got 0"),
    (
        "hessian.checkpoints",
        ["final", "midle"],
        "hessian.checkpoints[1]: must be one of init, middle, best, final; got 'midle'; did you mean middle?",
    ),
    (
        "hessian.checkpoints",
        ["init", "finl"],
        "hessian.checkpoints[1]: must be one of init, middle, best, final; got 'finl'; did you mean final?",
    ),
    ("checkpoints.middle", DELETE, "hessian.checkpoints[1]: must be one of init, best, final; got 'middle'"),
    (
        "hessian.checkpoints",
        ["init"],
        "hessian.checkpoints: must include final, which claims and Hessian planes are based on; got init",
    ),
    ("hessian.density.deflate", 11, "hessian.density.deflate: must be at most hessian.extremes (10); got 11"),
    (
        "eigensolver.lanczos_steps",
        19,
        "hessian.eigensolver.lanczos_steps: must be at least twice hessian.extremes (10); got 19",
    ),
    (
        "hessian.eigensolver",
        {"lanczos_steps": 18},
        "hessian.eigensolver.lanczos_steps: must be at least twice hessian.extremes (10)",
    ),
    ("hessian.eigensolver", {"dense_limt": 0}, "hessian.eigensolver.dense_limt: unknown key; did you mean dense_limit?"),
    (
        "hessian.dense_limit",
        0,
        "hessian.dense_limit: unknown key; did you mean eigensolver.dense_limit or hessian.eigensolver.dense_limit?",
    ),
    (
        "techniques",
        {"ntk": {"eigensolver": {"lanczos_steps": 0}}},
        "techniques.ntk.eigensolver.lanczos_steps: must be a whole number from 1",
    ),
    ("hessian.extremes", 200, "must be at least twice hessian.extremes (200)"),
    ("claims.alike.subspace", 11, "claims.alike.subspace: must be at most hessian.extremes (10); got 11"),
    ("claims.convex.radius", [0.1, 0.1], "claims.convex.radius: must be ascending; got 0.1, 0.1"),
    ("claims.convex.radius", [0.1, 2.0], "claims.convex.radius: must be within grid.radius.lines (1); got 2"),
    ("claims.convex.radius", [0.01, 0.1], "claims.convex.radius: must be at least the spacing of points along lines (0.02"),
    (
        "claims.well_conditioned.rank",
        322,
        "claims.well_conditioned.rank: must be at most 321 for poisson1d, whose network has 321 parameters; got 322",
    ),
    (
        "cases.poisson2d.network",
        {"width": 3, "depth": 1},
        "hessian.extremes: must be at most 6 for poisson2d, whose network has 13 parameters; got 10",
    ),
    ("grid.points", 40, "grid.points: must be odd, so that the centre is one of the points; got 40"),
    ("grid.line_points", 100, "grid.line_points: must be odd, so that the centre is one of the points; got 100"),
    (
        "quadrature.rule",
        "simpson",
        "config.yaml: quadrature.points: must be odd and at least 3 for the simpson rule; got 20",
    ),
    (
        "cases.poisson2d.quadrature.rule",
        "simpson",
        "cases.poisson2d.quadrature.points: must be odd and at least 3 for the simpson rule; got 20",
    ),
    (
        "training.snapshots",
        {"even": 1, "logarithmic": 0},
        "training.snapshots: must be at least 3, even and logarithmic together",
    ),
    (
        "cases.poisson2d.training.snapshots",
        {"even": 0, "logarithmic": 0},
        "cases.poisson2d.training.snapshots: must be at least 3",
    ),
]
