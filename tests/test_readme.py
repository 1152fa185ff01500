"""The README's examples do what it says."""

import re
from pathlib import Path

import pandas as pd
import torch
from benchmarks.readme_claims import signs, table

from pinnscape import quadrature
from pinnscape.networks import Network
from pinnscape.objective import Discretization

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def block(beginning: str) -> str:
    (found,) = [code for code in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if beginning in code]
    return found


def test_the_problem_of_the_readme_is_one() -> None:
    scope: dict = {}
    exec(block("class Gelfand2d"), scope)  # noqa: S102 - the text is our own
    made = Discretization(scope["Gelfand2d"](), Network(2, 1, 5, 1), quadrature.rule("gauss-legendre", 12, 2))
    x, y = made.points.T
    u = torch.sin(torch.pi * x) * torch.sin(torch.pi * y)
    torch.testing.assert_close(made.load[:, 0], 2 * torch.pi**2 * u - torch.exp(u), rtol=1e-12, atol=1e-12)
    assert made.second == "laplacian"
    theta = torch.zeros(3, made.network.size, dtype=torch.float64)
    assert bool(made.measure(theta)["strong-form"].isfinite().all())


def test_the_notebook_example_imports_what_there_is() -> None:
    lines = [line for line in block("dense.eigenpairs").splitlines() if line.startswith(("import", "from"))]
    assert len(lines) == 5
    exec("\n".join(lines), {})  # noqa: S102 - the text is our own


def test_no_placeholder_is_left() -> None:
    assert not re.findall(r"@[A-Z]+@", README)


def test_the_table_of_claims_lists_what_is_judged() -> None:
    listed = re.findall(r"(?m)^\| ([a-z -]+?)(?: †)? \| (\S+) \| ([≤≥]) ", README)
    assert {(claim, statistic): sign for claim, statistic, sign in listed} == signs()


def test_the_generator_of_that_table() -> None:
    rows = [
        ("alike", "a", "deep-ritz", "spearman[random]", 0.794, 0.9, "does not hold"),
        ("alike", "b", "deep-ritz", "spearman[random]", 1.0, 0.9, "holds"),
        ("alike", "a", "strong-form", "spearman[random]", float("nan"), 0.9, "not measured"),
        ("smooth", "a", "supervised", "variation_largest", 1.2, 1.05, "does not hold"),
        ("well conditioned", "a", "supervised", "lambda_ratio", 7.52e6, 1e3, "mixed"),
    ]
    columns = ["claim", "problem", "formulation", "statistic", "value", "threshold", "verdict"]
    _, _, alike, smooth, conditioned = table(pd.DataFrame(rows, columns=columns)).splitlines()
    assert alike == "| alike | spearman[random] | ≥ 0.9 | 0.79 … 1: 1 of 2 | –: 0 of 1, 1 not measured | –: 0 of 0 |"
    assert smooth == "| smooth | variation_largest | ≤ 1.05 | –: 0 of 0 | –: 0 of 0 | 1.2: 0 of 1 |"
    assert conditioned == "| well conditioned | lambda_ratio | ≤ 1·10³ | –: 0 of 0 | –: 0 of 0 | 7.5·10⁶: 0 of 1, 1 mixed |"
