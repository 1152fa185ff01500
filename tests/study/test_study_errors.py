"""What is refused in a configuration, and that each refusal is one line that names the key."""

import copy
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from problem_texts import EQUATION
from study_cases import BAD, DEFAULT, ROOT, WIDTHS, changed, checked, leaves, load

from pinnscape.common.errors import StudyError
from pinnscape.config.reading import read
from pinnscape.study.cases import merged
from pinnscape.study.study import Study

NULL_BYTES = "SyntaxError" if sys.version_info >= (3, 11, 4) else "ValueError"  # what Python raises for them


def message(config: Any) -> str:
    """The one line with which a configuration is refused."""
    with pytest.raises(StudyError) as caught:
        checked(config)
    text = str(caught.value)
    assert len(text.splitlines()) == 1
    assert text.startswith("config.yaml: ")
    return text


@pytest.mark.parametrize(("key", "value", "fragment"), BAD)
def test_bad_values_are_refused_in_one_line(key, value, fragment):
    assert fragment in message(changed((key, value)))


@pytest.mark.parametrize("config", [None, [], "study", 3, {}])
def test_what_is_no_configuration_at_all_is_refused(config):
    message(config)


def test_circular_and_repeated_aliases_are_refused():
    circle: dict[str, Any] = {}
    circle["network"] = circle
    assert "nested too deeply" in message(changed(("network", circle)))
    bomb: list[Any] = [1] * 10
    for _ in range(9):
        bomb = [bomb] * 10
    assert "repeated too often" in message(changed(("study.seeds", bomb)))


def test_long_values_are_cut():
    assert len(message(changed(("device", "x" * 10_000)))) < 200
    assert len(message(changed(("study.seeds", {str(n): n for n in range(1000)})))) < 300


@pytest.mark.parametrize("name", ["figures", "tables", "logs", "benchmarks", "gallery", "shards"])
@pytest.mark.parametrize(("kind", "entry"), [("cases", {"problem": "poisson1d"}), ("sweeps", WIDTHS)])
def test_a_case_must_not_take_the_folder_of_something_else(name, kind, entry):
    text = message(changed((kind, {name: entry})))
    assert f"{kind}.{name}: must be a name of " in text
    assert "other than benchmarks, figures, gallery, logs, shards and tables, which are folders of results" in text


# ---- files of problems ----


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        (
            "class Mine:\n    pass\n",
            "mine.py: no problem in this file; define a subclass of pinnscape.problems.problem.Problem",
        ),
        (
            EQUATION + "\n\nclass Other(Mine):\n    pass\n",
            "mine.py: 2 problems in this file, Mine, Other; name one, as in mine.py:Mine",
        ),
        ("class Mine(\n", "mine.py: line 1: SyntaxError: '(' was never closed; mend it"),
        ("import sys\nsys.exit('no')\n", "mine.py: line 2: SystemExit: no; mend it"),
        ("raise RuntimeError('\\x1b[2J')\n", r"mine.py: line 1: RuntimeError: \x1b[2J; mend it"),
        ("\0", f"mine.py: {NULL_BYTES}: source code string cannot contain null bytes; mend it"),
        ("# \udce9", "mine.py: no problem in this file"),
        (EQUATION.replace("domain =", "domains ="), "mine.py: Mine.domain: is None; must be a domain, such as Interval(0, 1)"),
        (
            EQUATION.replace("def conditions", "def condition"),
            "mine.py: Mine.condition: has no meaning; did you mean conditions?",
        ),
        (EQUATION.replace("Dirichlet()", "Dirichlet('left')"), "mine.py: Mine.conditions: "),
        (
            EQUATION.replace("Dirichlet()", "Dirichlet(), Dirichlet()"),
            "mine.py: Mine.conditions: two terms are called boundary",
        ),
        (
            EQUATION.replace("Dirichlet()", "Dirichlet(name='a/b')"),
            "mine.py: Mine.conditions: a condition is called 'a/b'; a name is letters",
        ),
        (
            EQUATION.replace("def density", "def residual").replace("0.5 * self.k * u.x**2", "{'in side': u.xx}"),
            "mine.py: Mine.residual: a term is called 'in side'; a name is letters, digits and underscores after a letter",
        ),
        (
            EQUATION.replace("    def density", "    def energy"),
            "mine.py: Mine.residual: is missing, and so is density; define",
        ),
        (
            EQUATION.replace("    domain", "    reference = 'nosuch'\n    domain"),
            "mine.py: Mine.reference: is 'nosuch'; must be one of",
        ),
        (
            EQUATION.replace("density", "residual").replace("u.x**2", "u.yy"),
            "mine.py: Mine.residual: AttributeError: u.yy: no such derivative",
        ),
        (EQUATION + "\n    def __init__(self, **given):\n        raise KeyError('x')\n", "Mine cannot be made (KeyError: 'x')"),
    ],
)
def test_a_problem_that_cannot_be_used_is_refused_in_one_line(tmp_path, monkeypatch, text, fragment):
    (tmp_path / "mine.py").write_bytes(text.encode(errors="surrogateescape"))
    monkeypatch.chdir(tmp_path)
    found = message(changed(("cases", {"mine": {"problem": "mine.py"}})))
    assert found.startswith("config.yaml: cases.mine.problem: ")
    assert fragment in found


def test_a_missing_class_of_a_file_is_refused(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(EQUATION)
    monkeypatch.chdir(tmp_path)
    assert "cases.mine.problem: mine.py: no problem Min; there is Mine" in message(
        changed(("cases", {"mine": {"problem": "mine.py:Min"}}))
    )
    checked(changed(("cases", {"mine": {"problem": "mine.py:Mine"}})))


def test_parameters_of_a_file_are_checked(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(EQUATION)
    monkeypatch.chdir(tmp_path)
    case = {"problem": "mine.py", "parameters": {"k": -2.0}}
    assert "cases.mine.parameters.k: must be a number above 0; got -2" in message(changed(("cases", {"mine": case})))
    case["parameters"] = {"kk": 2.0}
    assert "cases.mine.parameters.kk: unknown name; must be one of k" in message(changed(("cases", {"mine": case})))


def test_a_condition_that_no_construction_meets_cannot_be_hard(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        EQUATION.replace("Dirichlet,", "Dirichlet, Neumann,").replace("Dirichlet()", "Dirichlet('x_min'), Neumann('x_max')")
    )
    monkeypatch.chdir(tmp_path)
    case = {"problem": "mine.py", "conditions": {"neumann": {"enforce": "hard"}}}
    text = message(changed(("cases", {"mine": case})))
    assert "cases.mine.conditions.neumann: the condition neumann (Neumann) cannot be hard" in text


def test_losses_that_a_case_lacks_are_named():
    text = message(changed(("cases.convection", {}), ("study.losses", ["deep-ritz"])))
    assert "study.losses: must include one of the losses of convection (strong-form, supervised); got deep-ritz" in text


def test_many_names_are_listed_by_the_first():
    text = message(changed(("study.seeds", list(range(1, 1000)))))
    assert text.endswith("must be one of study.seeds (" + ", ".join(map(str, range(1, 21))) + ", ...); got 0")


# ---- files ----


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("study: {seeds: [0]}\nnetwork: {width: 3, width: 4}\n", ":2: not valid YAML: the key 'width' occurs twice"),
        ("device: cpu\nstudy: {}\ndevice: auto\n", ":3: not valid YAML: the key 'device' occurs twice"),
        ("study:\n  seeds: [0, 1\n", ":3: not valid YAML: "),
        ("study:\n\tseeds: [0]\n", ":2: not valid YAML: found character '\\t' that cannot start any token"),
        ("study: a: b\n", ":1: not valid YAML: mapping values are not allowed here"),
        ("a: *nobody\n", ":1: not valid YAML: found undefined alias"),
        ("a: 1\n---\nb: 2\n", ":2: not valid YAML: but found another document"),
        ("device: !!python/object/apply:os.getcwd []\n", ":1: not valid YAML: could not determine a constructor"),
        ("device: 2020-13-45\n", ": not valid YAML: month must be in 1..12"),
        ("? [a]\n: 1\n", ":1: not valid YAML: found unhashable key"),
        ("a: \x01\n", ": not valid YAML: unacceptable character"),
        ('device: !!int ""\n', ": not valid YAML: a value does not fit the tag (!!...) before it"),
        ("device: !!bool maybe\n", ": not valid YAML: a value does not fit the tag (!!...) before it"),
        ("a: &a {b: 1}\nc: {<<: [" + "*a, " * 300 + "]}\n", ":2: not valid YAML: merge keys give too many values"),
        ("study: {seeds: [" + "0, " * 6000 + "]}\n", ":1: not valid YAML: too many values"),
        ("#" * 250_001, ": is not a configuration: it is larger than 250 kB"),
        ("[" * 5000, ": is nested too deeply"),
        ("", ": must contain keys with values, such as `device: auto`; got nothing (null)"),
        ("- study\n", ": must contain keys with values, such as `device: auto`; got ['study']"),
        ("network: {widht: 3}\n", ": network.widht: unknown key; did you mean width?"),
    ],
)
def test_bad_files_are_refused_in_one_line(tmp_path, text, fragment):
    path = tmp_path / "my.yaml"
    path.write_text(text)
    with pytest.raises(StudyError) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}{fragment}")
    assert len(str(caught.value).splitlines()) == 1


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(StudyError, match=r"none\.yaml: cannot be read \(No such file or directory\)"):
        load(tmp_path / "none.yaml")
    with pytest.raises(StudyError, match=r"cannot be read \(Is a directory\)"):
        load(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"device: \xe9\n")
    with pytest.raises(StudyError, match=r"latin\.yaml: not valid YAML: .*can't decode"):
        load(tmp_path / "latin.yaml")


def test_merge_keys_of_yaml_are_no_duplicates(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("base: &base {width: 3, depth: 2}\nnetwork: {<<: *base, width: 4}\n")
    assert read(path)["network"] == {"width": 4, "depth": 2}


BAD_CONFIGS = sorted((ROOT / "tests" / "bad_configs").glob("*.yaml"))


def test_there_are_bad_configs():
    assert len(BAD_CONFIGS) >= 20


@pytest.mark.parametrize("path", BAD_CONFIGS, ids=lambda path: path.stem)
def test_bad_configs_on_top_of_the_default_are_refused(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    first, _, rest = path.read_text().partition("\n")
    fragment = first.removeprefix("# expect: ")
    assert fragment != first
    assert rest.strip()
    assert fragment in message(merged(read(ROOT / "config.yaml"), read(path)))


# ---- fuzzing ----

KEYS = sorted(leaves(DEFAULT), key=str)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["1e-3", "inf", "adam", "lbfgs", "../x", "random", "lines", "middle", "\u2028", "1_0", ".5", "-"]),
    st.dates(),
    st.binary(max_size=5),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5) | st.integers() | st.none(), inner, max_size=4)
        ),
        max_leaves=8,
    ),
    st.sampled_from([parent for parent in DEFAULT.values()]).map(copy.deepcopy),
)
CHANGES = st.tuples(
    st.sampled_from(KEYS),
    st.sampled_from(["replace", "delete", "add", "rename", "scale"]),
    VALUES,
    st.text(max_size=8)
    | st.integers()
    | st.booleans()
    | st.none()
    | st.sampled_from(["width", "steps", "memory", "poisson2d", "late", "conditions", "problem", "mine"]),
)


def change(config: Any, key: tuple[Any, ...], kind: str, value: Any, name: Any) -> None:
    """Change the configuration at ``key`` where that is still there."""
    try:
        for part in key[:-1]:
            config = config[part]
        old = config[key[-1]]
        if kind == "add":
            old[name] = value
        elif kind == "delete":
            del config[key[-1]]
        elif kind == "rename":
            config[name] = config.pop(key[-1])
        elif kind == "scale":
            config[key[-1]] = float(value) * float(old)
        else:
            config[key[-1]] = value
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError):
        pass


def outcome(config: Any) -> Study | str:
    try:
        return checked(config)
    except StudyError as refusal:
        return str(refusal)


def settings_of(study: Study) -> list[Any]:
    per_case = [(study.model(case), study.training(case), study.losses(case), study.left_out(case)) for case in study.cases]
    per_plane = [(study.directions(plane), study.grid(plane)) for plane in study.planes]
    return [per_case, per_plane, study.checkpoints(), study.hessian(), study.claims(), study.figures()]


@settings(max_examples=400, deadline=None)
@given(st.lists(CHANGES, min_size=1, max_size=4))
def test_a_changed_configuration_is_parsed_or_refused_in_one_line(changes):
    config = copy.deepcopy(DEFAULT)
    for key, kind, value, name in changes:
        change(config, key, kind, value, name)
    study = outcome(config)
    if isinstance(study, str):
        assert len(study.splitlines()) == 1
        assert study.startswith("config.yaml: ")
        return
    # What was accepted is usable, and names nothing outside results/.
    json.dumps(settings_of(study), allow_nan=False)
    for part in (*study.cases, *study.config.study.losses, *study.planes, *study.checkpoint_names):
        assert Path("results", part).resolve().parent == Path("results").resolve()
        assert part.isprintable()
