"""README.md and docs/: links, names, transcripts and tables are what the project does and says."""

import copy
import os
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from benchmarks import claims_table, technique_tables
from benchmarks.bench_table import markdown
from benchmarks.claims_table import number, signs, table
from benchmarks.pages import DOCS, replace_table, table_at
from end_to_end.test_reruns import OF_SURFACES, SURFACES

import pinnscape
from pinnscape.common.errors import PinnscapeError
from pinnscape.problems.loader import load
from pinnscape.study import study
from pinnscape.techniques.catalog import TECHNIQUES
from pinnscape.validation.check import validate
from runtime import clock
from runtime.slurm import judge

ROOT = DOCS.parent
README = ROOT / "README.md"
PAGES = sorted(DOCS.glob("*.md"))
FENCE = re.compile(r"(?ms)^ *```.*?^ *```$")


@cache
def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def page(name: str) -> str:
    return text_of(DOCS / f"{name}.md")


def block(text: str, beginning: str, language: str = "") -> str:
    """The fenced block that holds some text, without its indentation."""
    found = [
        re.sub(rf"(?m)^{indent}", "", code)
        for indent, known, code in re.findall(r"(?ms)^( *)```(\w*)\n(.*?)^ *```$", text)
        if beginning in code and known == language
    ]
    assert len(found) == 1, beginning
    return found[0]


def rows(text: str, header: str) -> list[list[str]]:
    """The cells of the table that begins with this line, without the two lines of its head."""
    lines = table_at(text, header)[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


# ---- links ----


def anchors(text: str) -> set[str]:
    """What the headings of a page can be linked by, as forges make it: repeated ones are numbered."""
    found: Counter[str] = Counter()
    names = set()
    for heading in re.findall(r"(?m)^#+ (.*)$", FENCE.sub("", text)):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
        name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        names.add(f"{name}-{found[name]}" if found[name] else name)
        found[name] += 1
    return names


def links(text: str) -> list[str]:
    """Targets of the relative links and pictures of a page; ``[e](u)`` in a formula would be one."""
    targets = re.findall(r"(?<!\\)\]\(([^()\s]+)\)", re.sub(r"`[^`\n]*`", "code", FENCE.sub("", text)))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def broken(source: Path, text: str) -> list[str]:
    """Links whose file or heading is not there."""
    found = []
    for target in links(text):
        path, _, anchor = target.partition("#")
        file = (source.parent / path).resolve() if path else source
        known = anchors(text) if file == source else anchors(text_of(file)) if anchor and file.is_file() else set()
        if not (file == source or file.exists()) or (anchor and anchor not in known):
            found.append(target)
    return found


@pytest.mark.parametrize("source", [README, *PAGES], ids=lambda path: path.name)
def test_relative_links_lead_somewhere(source: Path) -> None:
    text = text_of(source)
    assert links(text)
    assert broken(source, text) == []


def test_broken_links_are_found() -> None:
    text = "# One\n\n## Two `x`, three\n\n[a](#one) [b](#two-x-three) ![c](nowhere.png) [d](#four)\n`[e](code.md)` [f](index.md#gone)\n"
    text += "```\n# Four\n[g](block.md)\n```\n[h](https://example.org/x.md) [i](README.md)\n"
    assert broken(DOCS / "page.md", text) == ["nowhere.png", "#four", "index.md#gone", "README.md"]


def test_every_page_is_reached_from_the_index_and_the_readme() -> None:
    for start in (README, DOCS / "index.md"):
        linked = {(start.parent / target.partition("#")[0]).resolve() for target in links(text_of(start))}
        assert set(PAGES) - {DOCS / "index.md"} <= linked, start


def test_nothing_but_pages_is_in_the_folder() -> None:
    notebooks = set((DOCS / "notebooks").glob("*.ipynb"))  # interactive/test_notebooks.py runs them
    assert {path for path in DOCS.rglob("*") if path.is_file()} == set(PAGES) | notebooks


def test_the_readme_is_short_and_shows_one_picture() -> None:
    assert len(text_of(README)) < 8000
    assert text_of(README).count("![") == 1


def test_no_placeholder_is_left() -> None:
    for source in (README, *PAGES):
        assert not re.findall(r"@[A-Z]+@|TODO|FIXME", text_of(source)), source


def test_messages_and_comments_name_pages_that_are_there() -> None:
    """Paths of pages in code, rules, profiles and configuration."""
    folders = [ROOT / name for name in ("workflow", "profiles", "tests")]
    files = [
        path for folder in folders for path in folder.rglob("*.*") if path.suffix in (".py", ".smk", ".yaml", ".rst", ".hpp")
    ]
    files += [
        ROOT / name for name in ("Snakefile", "Makefile", "config.yaml", "pyproject.toml", "results/README.md", "CITATION.cff")
    ]
    named = {name for path in files for name in re.findall(r"docs/([\w-]+\.md)", path.read_text(encoding="utf-8"))}
    assert {"results-and-claims.md", "performance.md"} <= named
    assert named - {path.name for path in PAGES} == set()


# ---- names ----


def test_every_technique_is_described_by_what_it_says_of_itself() -> None:
    text = page("techniques")
    assert technique_tables.written(text) == text, "run `make docs`"
    costly = {name for name, technique in TECHNIQUES.items() if technique.costly}
    assert set(re.findall(r"(?m)^\| `(\w+)`(?: †)? \|", text)) == set(TECHNIQUES)
    assert set(re.findall(r"(?m)^\| `(\w+)` † \|", text)) == costly
    with pytest.raises(ValueError, match="'### Around a point' once; it has it 0 times"):
        technique_tables.written(text.replace("### Around a point", "### Around"))


def cited(cell: str) -> list[tuple[str, str]]:
    """Surname of the first author and year of each citation in a cell, such as ``Wang et al. 2022; Jacot et al. 2018``."""
    return re.findall(r"(?:^|; )((?:van )?[^\s,;]+)[^;]*? (\d{4}b?)\b", cell)


def test_every_citation_has_its_source_and_every_source_is_cited() -> None:
    text, sources = page("techniques").split("## Sources")
    listed = [(line[2:], re.findall(r"\b\d{4}b?\b(?!\.\d)", line)[0]) for line in sources.splitlines() if line.startswith("- ")]
    wanted = {
        citation
        for header in re.findall(r"(?m)^\| technique \|.*source.*$", text)
        for found in re.finditer(rf"(?m)^{re.escape(header)}\n(?:\|.*\n)*", text)
        for row in rows(found[0], header)
        for citation in cited(row[[cell.strip() for cell in header.split("|")[1:-1]].index("source")])
    }
    assert len(wanted) > 40
    for name, year in wanted:
        assert [line for line, found in listed if line.startswith(name) and found == year], (name, year)
    assert not [line for line, found in listed if not any(line.startswith(name) and found == year for name, year in wanted)]


def rules_of() -> tuple[str, set[str]]:
    """The text of all rules, and their names; those of figures are keys of the table that a loop goes through, and those for
    each set of losses begin with a name."""
    text = "".join(path.read_text(encoding="utf-8") for path in [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")])
    names = re.findall(r'(?m)^ *(?:use rule \w+ as |rule |"(?=figure_\w+": \())(\w+)', text)
    return text, {*names, *re.findall(r'rule_name\("(\w+)", losses\)', text)}


def test_rules_that_pages_name_are_there() -> None:
    kinds = "check|collect|evaluate|figure|find|judge|measure|select|shard|train|write"
    named = {name for path in (README, *PAGES) for name in re.findall(rf"`((?:{kinds})_[^`\s]+)`", text_of(path))}
    _, rules = rules_of()
    assert {"train_network", "shard_technique"} <= named
    assert named - rules == set()


def test_rules_and_targets_are_those_of_the_workflow() -> None:
    text, rules = rules_of()
    by_name = {name for name, body in re.findall(r"(?ms)^rule (\w+):\n(.*?)(?=^\S|\Z)", text) if "    output:" not in body}
    changing = page("changing-and-rerunning")
    stages = rows(changing, "| stage | rules | computes | settings |")
    targets = {name for row in rows(changing, "| target | result |") for name in re.findall(r"`(\w+)`", row[0])}
    assert targets == by_name
    assert {row[0] for row in stages} <= targets
    assert {name for row in stages for name in re.findall(r"`(\w+)`", row[1])} <= rules
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    assert {name for row in stages for name in re.findall(r"`(\w+)`", row[3])} <= set(config)


# ---- transcripts ----


@pytest.mark.parametrize(
    ("key", "value"),
    [("network.widht", 32), ("training.phases.0.learning_rate", "1e-3"), ("figures.seed", 7)],
)
def test_settings_are_refused_as_the_page_shows(key: str, value: Any) -> None:
    config = copy.deepcopy(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")))
    *path, last = key.split(".")
    node = config
    for part in path:
        node = node[int(part)] if part.isdigit() else node[part]
    node[last] = value
    with pytest.raises(PinnscapeError) as caught:
        study.parse(config)
    assert f"pinnscape: {caught.value}" in block(page("changing-and-rerunning"), "widht").splitlines()


def test_the_planned_jobs_are_those_of_the_default_study() -> None:
    """What `grid.points` reruns in a small study is tested in end_to_end/test_reruns.py; here with the techniques on surfaces, and counted."""
    config = study.parse(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")))
    cases, seeds, (first, *_) = len(config.cases), len(config.config.study.seeds), config.cases_by_losses
    on_surfaces = [name for name in config.techniques if TECHNIQUES[name].surfaces]
    expected = {
        rule if losses == first else f"{rule}_{'_'.join(losses).replace('-', '_')}": len(own) * seeds
        for losses, own in config.cases_by_losses.items()
        for rule in SURFACES
    }
    expected |= {f"figure_{name}": cases for name in OF_SURFACES}
    expected["figure_terms"] = sum(case.has_terms for case in config.all_cases.values())
    expected |= dict.fromkeys(("measure_surfaces", "figure_technique"), cases * len(on_surfaces))
    expected |= dict.fromkeys(("collect_metrics", "judge_claims", "figure_claims", "all"), 1)
    shown = dict(re.findall(r"(?m)^(\w+) +(\d+)$", block(page("changing-and-rerunning"), "snakemake -n")))
    assert int(shown.pop("total")) == sum(expected.values())
    assert {rule: int(count) for rule, count in shown.items()} == expected


def test_a_cluster_without_a_database_is_told_of_as_the_page_shows() -> None:
    said = judge("sacct", 5, 300, "Slurm accounting storage is disabled")
    assert f"pinnscape: {said}" in page("cluster").splitlines()


@pytest.mark.parametrize(
    ("old", "new"), [("def residual", "def residuum"), ("self.beta * p.t", "p.t")], ids=["before any job", "by the check"]
)
def test_problems_are_refused_as_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str) -> None:
    code, case = block(page("problems"), "class Convection", "python"), block(page("problems"), "problem: my_problems", "yaml")
    assert old in code
    (tmp_path / "my_problems").mkdir()
    (tmp_path / "my_problems/mine.py").write_text(code.replace(old, new), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")) | {"cases": yaml.safe_load(case)}

    def checked() -> None:
        model = study.parse(config).all_cases["mine"].model
        validate(load(model.problem, model.parameters), model.condition_settings)

    with pytest.raises(PinnscapeError) as caught:
        checked()
    assert f"pinnscape: {caught.value}" in block(page("problems"), "pinnscape: config.yaml").splitlines()


def test_the_notebook_example_imports_what_there_is() -> None:
    code = block(page("results-and-claims"), "EngineSettings", "python")
    lines = [line for line in code.splitlines() if line.startswith(("import", "from"))]
    assert len(lines) == 4
    exec("\n".join(lines), {})  # noqa: S102 - the text is our own


def test_the_class_of_the_library_page_gives_an_objective() -> None:
    found: dict[str, Any] = {"pinnscape": pinnscape}
    exec(block(page("library"), "class Heat", "python"), found)  # noqa: S102 - the text is our own
    assert found["objective"].size == 2 * 8 + 8 * 9 + 9


# ---- how the workflow runs ----


def test_every_addition_to_snakemake_is_where_the_page_says_with_its_issue_and_its_test() -> None:
    found = rows(page("how-the-workflow-runs"), "| what | why | issue of Snakemake | where | test |")
    assert len(found) > 10
    for what, why, issue, where, test in found:
        assert why, what
        *names, path = re.findall(r"`([^`]+)`", where)
        code = text_of(ROOT / "workflow" / path)
        numbers = re.findall(r"\[(\d+)\]\(https://github.com/snakemake/[\w-]+/(?:issues|pull)/(\d+)\)", issue)
        assert bool(numbers) == (issue != "–"), what
        assert re.search(r"\d\.\d+\.\d+", code) or names == ["listed"], f"{what}: for which versions of Snakemake?"
        for shown, linked in numbers:
            assert shown == linked
            assert re.search(rf"\b{linked}\b", code), (what, path)
        assert [name for name in names if f"def {name}(" not in code] == [], what
        for test_file in re.findall(r"`([^`]+)`", test):
            assert (ROOT / test_file).is_file(), test_file


def test_the_line_about_a_wrong_clock_is_the_one_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results/tables").mkdir(parents=True)
    names = [f"results/tables/{name}" for name in ("metrics.csv", "x.csv", "y.csv")]
    for name in names:
        (tmp_path / name).touch()
        os.utime(name, (0, 2**31))
    assert f"pinnscape: {clock.ahead(names, now=1.8e9)}" in page("how-the-workflow-runs").splitlines()


# ---- tables ----


def test_the_table_of_claims_lists_what_is_judged() -> None:
    listed = rows(page("results-and-claims"), claims_table.HEADER)
    assert {(row[0].removesuffix(" †"), row[1]): row[2][0] for row in listed} == signs()


def test_the_generator_of_that_table() -> None:
    found = [
        ("alike", "a", "deep-ritz", "spearman[random]", 0.794, 0.9, "does not hold"),
        ("alike", "b", "deep-ritz", "spearman[random]", 1.0, 0.9, "holds"),
        ("alike", "a", "strong-form", "spearman[random]", float("nan"), 0.9, "not measured"),
        ("smooth", "a", "supervised", "variation_largest", 1.2, 1.05, "does not hold"),
        ("well conditioned", "a", "supervised", "lambda_ratio", 7.52e6, 1e3, "mixed"),
        ("well conditioned", "b", "supervised", "lambda_ratio", float("nan"), 1e3, "left out"),
    ]
    columns = ["claim", "case", "trained_on", "statistic", "value", "threshold", "verdict"]
    claims = pd.DataFrame(found, columns=columns).assign(
        baseline=float("nan"), baseline_low=float("nan"), baseline_high=float("nan")
    )
    claims.loc[claims["claim"] == "alike", ["baseline", "baseline_low", "baseline_high"]] = [0.89, 0.76, 0.91]
    claims.loc[claims["claim"] == "smooth", ["baseline", "baseline_low", "baseline_high"]] = [1.0, 1.0, 1.0]
    _, _, alike, smooth, conditioned = table(claims).splitlines()
    assert alike == (
        "| alike | spearman[random] | ≥ 0.9 | 0.79 … 1: 1 of 2 | –: 0 of 1, 1 not measured | –: 0 of 0 | 0.89 (0.76 … 0.91) |"
    )
    assert smooth == "| smooth | variation_largest | ≤ 1.05 | –: 0 of 0 | –: 0 of 0 | 1.2: 0 of 1 | 1 |"
    assert conditioned == "| well conditioned | lambda_ratio | ≤ 1·10³ | –: 0 of 0 | –: 0 of 0 | 7.5·10⁶: 0 of 1, 1 mixed | – |"


def value(text: str) -> float:
    """The number that ``claims_table.number`` writes."""
    mantissa, _, exponent = text.replace("−", "-").partition("·10")
    return float(mantissa) * 10.0 ** int(exponent.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")) or 0)


@pytest.mark.parametrize("x", [0.0, 0.0016, -0.25, 150.0, 2.1e-7, 1.1e9])
def test_numbers_of_the_table_are_read_back(x: float) -> None:
    assert value(number(x)) == pytest.approx(x)


def test_what_the_readme_says_was_found_is_in_the_table() -> None:
    """A sentence of the README that no longer fits the table is to be written anew."""
    cells = {row[1]: row[3:6] for row in rows(page("results-and-claims"), claims_table.HEADER)}

    def values(statistic: str) -> list[float]:
        return [value(text) for cell in cells[statistic] for text in cell.partition(":")[0].split(" … ")]

    def holding(statistic: str) -> list[str]:
        return [cell.partition(": ")[2] for cell in cells[statistic]]

    assert max(values("principal_angle_median")) < 2.0  # degrees
    assert max(values("spectral_distance")) == 1.9  # decades
    assert holding("spectral_distance") == ["0 of 4"] * 3
    assert min(values("lambda_ratio")) > 1e6
    assert holding("convex_share[0.05]") == ["4 of 4", "5 of 5", "5 of 5"]
    assert min(values("negative_share")) > 0.1
    assert max(values("negative_share")) < 0.3
    assert max(values("negative_ratio")) < 1e-6
    assert holding("barrier_relative[aligned]") == ["0 of 4", "0 of 5", "0 of 5"]
    assert max(values("barrier_relative[bezier]")[:4]) < 0.01  # the physics losses
    digits = {
        row[1]: value(row[6].partition(" ")[0])
        for row in rows(page("results-and-claims"), claims_table.HEADER)
        if row[6] != "–"
    }
    assert 45 < digits["lambda_ratio"] < 55
    assert 65 < digits["principal_angle_median"] < 75
    assert digits["variation_largest"] <= 1.0
    assert digits["monotone_violation_relative"] == 0.0


def test_the_table_of_benchmarks_has_the_columns_that_are_written() -> None:
    head = markdown([])
    assert len(rows(page("performance"), head.splitlines()[0])) > 20
    assert head in page("performance")


def test_a_table_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    before, after = "# Page\n\n| b | c |\n|---|---|\n| 3 | 4 |\n\n", "\nAfter.\n\n| d |\n|---|\n"
    path.write_text(f"{before}| a | b |\n|---|---|\n| 1 | 2 |\n| 1 | 2 |\n{after}", encoding="utf-8")
    replace_table(path, "| a | b |\n|---|---|\n| 5 | 6 |")
    assert path.read_text(encoding="utf-8") == f"{before}| a | b |\n|---|---|\n| 5 | 6 |\n{after}"
    with pytest.raises(ValueError, match="0 tables begin with"):
        replace_table(path, "| e |\n|---|\n")


# ---- the walks ----


def test_the_files_that_the_architecture_names_are_there() -> None:
    named = re.findall(r"`((?:workflow/)?[\w/.-]+\.(?:py|smk|yaml))`", page("architecture"))
    assert len(set(named)) > 10
    assert [name for name in named if not (ROOT / name).is_file() and not (ROOT / "workflow" / name).is_file()] == []


def test_the_layers_hold_every_package_of_the_library() -> None:
    layers = rows(page("architecture"), "| layer | package below `workflow/pinnscape/` | contents |")
    there = {path.parent.name for path in (ROOT / "workflow/pinnscape").glob("*/__init__.py")}
    assert {row[1].strip("`/") for row in layers} == there


@pytest.mark.parametrize("start", ["from `config.yaml` to the energy density of a problem", "from θ to a loss"])
def test_a_walk_has_at_most_six_stops(start: str) -> None:
    section = page("architecture").split(f"## A walk: {start}")[1].split("\n## ")[0]
    stops = rows(section, "| stop | file | what happens there |")
    assert [row[0] for row in stops] == [str(i) for i in range(1, len(stops) + 1)]
    assert 1 < len(stops) <= 6
