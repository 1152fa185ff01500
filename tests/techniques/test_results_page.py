"""results/README.md says what the code says of its files, all of them."""

import re

import describe
import pytest

from pinnscape.files.description import File, Variable
from pinnscape.techniques.catalog import NAMES, TECHNIQUES

FILES = describe.files()
OF_RUNS = {"check.nc", "training.nc", "solution.nc", "checkpoints.nc", "hessian-{checkpoint}.nc"}
OF_RUNS |= {"directions-{plane}.nc", "directions-lines.nc", "surface-{plane}.nc", "surface-lines.nc"}


def test_the_page_is_in_step_with_the_code():
    assert describe.PAGE.read_text(encoding="utf-8") == describe.page(), "run `make docs`"


def test_every_kind_of_file_is_described():
    assert set(FILES) == OF_RUNS | {f"{name}.nc" for name in NAMES}


def test_nothing_is_left_of_the_template():
    template = describe.TEMPLATE.read_text(encoding="utf-8")
    marks = set(re.findall(r"<<(.*?)>>", template))
    assert marks == OF_RUNS | {"conventions", "footer", "techniques", "metrics"}
    assert not re.findall(r"<<|>>", describe.page())


@pytest.mark.parametrize("name", FILES)
def test_every_dimension_is_a_described_coordinate(name):
    file = FILES[name]
    used = {dim for v in (*file.variables.values(), *file.coordinates.values()) for dim in v.axes}
    assert used <= set(file.coordinates)
    assert {dim for dim in used if file.coordinates[dim].axes != (dim,)} == set()
    assert not set(file.variables) & set(file.coordinates)
    assert all(v.long_name for v in (*file.variables.values(), *file.coordinates.values()))


@pytest.mark.parametrize("name", NAMES)
def test_every_technique_is_on_the_page_with_its_variables_and_metrics(name):
    page = describe.page()
    section = page.split(f"\n### {name}.nc\n")[1].split("\n### ")[0]
    assert TECHNIQUES[name].title in section
    assert {f"| {key} |" for key in FILES[f"{name}.nc"].variables} <= set(re.findall(r"(?m)^(\| \w+ \|)", section))
    for metric, text in describe.described_metrics()[name].items():
        assert f"\n{describe.metric_row(metric, text)}\n" in page


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("l2_error", "| l2_error |  |  | text |"),
        ("lambda_max[loss]", "| lambda_max | ✓ |  | text |"),
        ("barrier[path, loss]", "| barrier | ✓ | path | text |"),
        ("trace[loss/term]", "| trace | ✓ | term | text |"),
    ],
)
def test_the_arguments_of_a_metric_are_columns(name, row):
    assert describe.metric_row(name, "text") == row


def test_a_row_says_dimensions_flags_units_and_what_has_it():
    file = File(
        "x.nc",
        {
            "a": Variable(("n", "m"), "|a|"),
            "b": Variable((), "b", "degree", only="lines"),
            "c": Variable("n", "c", flags=("no", "yes")),
        },
        {"n": Variable("n", "index"), "m": Variable("m", "index"), "other": Variable("n", "other")},
        "More.",
    )
    assert describe.described(file).splitlines() == [
        "| variable | dimensions | meaning |",
        "|---|---|---|",
        "| a | n, m | \\|a\\| |",
        "| b |  | b, in units of a degree (lines only) |",
        "| c | n | c: 0 no, 1 yes |",
        "",
        "Coordinates: `n` (index); `m` (index); `other` along `n` (other).",
        "",
        "More.",
    ]
