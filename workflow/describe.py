"""`make docs`: write results/README.md from workflow/results.md and from the descriptions of files and metrics in the code."""

import sys
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pinnscape
from pinnscape.files import checksum, netcdf
from pinnscape.files.description import File, Variable
from pinnscape.tables import metrics
from pinnscape.techniques.catalog import NAMES, TECHNIQUES, module

WORKFLOW = Path(__file__).resolve().parent
TEMPLATE, PAGE = WORKFLOW / "results.md", WORKFLOW.parent / "results" / "README.md"


def files() -> dict[str, File]:
    """The descriptions of files in all modules of the library, by name."""
    names = [found.name for found in walk_packages(pinnscape.__path__, "pinnscape.") if "interactive" not in found.name]
    modules = [import_module(name) for name in names]
    return {found.name: found for one in modules for found in vars(one).values() if isinstance(found, File) and found.of_study}


def described_metrics() -> dict[str, dict[str, str]]:
    """The meaning of the metrics in metrics.csv, by technique; metrics that do not belong to a technique come first."""
    return {"": metrics.METRICS, **{name: module(name).METRICS for name in NAMES}}


def page() -> str:
    """The text of the page."""
    texts = {name: described(file) for name, file in files().items()}
    marks = {
        **texts,
        "conventions": netcdf.CONVENTIONS,
        "footer": str(checksum.length(netcdf.CONVENTIONS)),
        "techniques": "\n\n".join(_technique(name, texts[f"{name}.nc"]) for name in NAMES),
        "metrics": "\n".join(
            [
                "| metric | loss | variant | meaning |",
                "|---|---|---|---|",
                *(metric_row(name, text) for own in described_metrics().values() for name, text in own.items()),
            ]
        ),
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, content in marks.items():
        text = text.replace(f"<<{name}>>", content)
    return text


def described(file: File) -> str:
    """The content of a file, in Markdown."""
    rows = [_row(name, ", ".join(v.axes), _meaning(v)) for name, v in file.variables.items()]
    table = "\n".join(["| variable | dimensions | meaning |", "|---|---|---|", *rows])
    coordinates = "; ".join(f"`{name}`{_along(name, v)} ({_meaning(v)})" for name, v in file.coordinates.items())
    return "\n\n".join(text for text in (table, f"Coordinates: {coordinates}.", file.text) if text)


def metric_row(name: str, text: str) -> str:
    """The row of a metric; a check mark for those of a loss, and what the variant is."""
    metric, _, rest = name.partition("[")
    arguments = rest.removesuffix("]").replace("/", ", ").split(", ")
    variant = ", ".join(argument for argument in arguments if argument != "loss")
    return _row(metric, "✓" if "loss" in arguments else "", variant, text)


def _technique(name: str, text: str) -> str:
    technique = TECHNIQUES[name]
    title = f"{technique.title} (extended study)" if technique.costly else technique.title
    return f"### {name}.nc\n\n{title}.\n\n{text}"


def _meaning(variable: Variable) -> str:
    text = variable.long_name
    if variable.flags:
        text += ": " + ", ".join(f"{value} {meaning}" for value, meaning in enumerate(variable.flags))
    if variable.units != "1":
        text += f", in units of a {variable.units}"
    return f"{text} ({variable.only} only)" if variable.only else text


def _along(name: str, variable: Variable) -> str:
    """The dimension of a coordinate if it differs from the name of the coordinate."""
    return "" if variable.axes == (name,) else f" along `{', '.join(variable.axes)}`"


def _row(*cells: str) -> str:
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.relative_to(WORKFLOW.parent)}: written", file=sys.stderr)


if __name__ == "__main__":
    main()
