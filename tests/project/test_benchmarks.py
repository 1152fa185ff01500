"""The benchmarks' machinery: nothing is timed, and no peer is needed."""

import math
import sys
from functools import partial

import numpy as np
import pytest
import torch
import yaml
from benchmarks import ours, wide
from benchmarks.bench_table import duration, markdown
from benchmarks.client import Client, WorkerError
from benchmarks.equations import KINDS, nested_job, our_job
from benchmarks.figure import draw
from benchmarks.pinn import BOUNDARIES, LOSSES, Pinn
from benchmarks.rows import Row, alternate, disagreement, read, relative, slope, write
from benchmarks.splits import STUDY, WORK
from benchmarks.suite import visited
from cases import initial, small
from end_to_end.workspace import PROJECT, merged
from equation_cases import NESTED

from pinnscape.losses.field import FieldObjective
from pinnscape.losses.model import network
from pinnscape.networks.architectures import Mlp
from pinnscape.study import study

ROWS = [
    Row("grid 5×5", 0.0123456, "some-package", "1.2", 0.25, 20.25, ">= 5", 1.7e-13, 1e-10, "a note, with a comma"),
    Row("a surface against points", 2.0, "slope", "", math.nan, 1.07, "<= 1.2"),
    Row("surface, peak memory", math.nan, "memory", "", math.nan, 0.5, "<= 2"),
]

# ---- numbers ----


def test_sides_take_turns_and_medians_are_taken():
    calls, times = [], {"ours": iter([3.0, 1.0, 2.0]), "peer": iter([30.0, 50.0, 40.0])}

    def clock(side: str):
        def seconds() -> float:
            calls.append(side)
            return next(times[side])

        return seconds

    assert alternate(clock("ours"), clock("peer"), 3) == (2.0, 40.0)
    assert calls == ["ours", "peer"] * 3


@pytest.mark.parametrize(("seconds", "times"), [(1.0, 9), (6.0, 4), (30.0, 3)])
def test_slow_sides_take_fewer_turns(seconds, times):
    calls = []
    alternate(lambda: calls.append(1) or seconds, lambda: seconds, 9, budget=40.0)
    assert len(calls) == times


@pytest.mark.parametrize(
    ("ratio", "target", "fast"),
    [(5.0, ">= 5", True), (4.99, ">= 5", False), (1.2, "<= 1.2", True), (1.21, "<= 1.2", False), (3.0, "", None)],
)
def test_targets(ratio, target, fast):
    assert Row("x", 1.0, "p", "1", ratio, ratio, target).fast is fast


def test_agreement_is_told_only_where_something_is_compared():
    assert ROWS[0].agrees is True
    assert ROWS[1].agrees is None
    assert Row("x", 1.0, "p", "1", 1.0, 1.0, "", 2e-10, 1e-10).agrees is False
    assert Row("x", 1.0, "p", "1", 1.0, 1.0, "", math.inf, 1e-10).agrees is False


def test_the_slope_is_the_exponent():
    sizes = [10.0, 100.0, 500.0, 1000.0]
    assert slope(sizes, [3e-4 * s**1.5 for s in sizes]) == pytest.approx(1.5)


def test_differences_are_relative_to_the_largest_or_to_each():
    ours, peer = np.array([100.0, 1.0 + 1e-6]), np.array([100.0, 1.0])
    assert disagreement(ours, peer) == pytest.approx(1e-8)
    assert relative(ours, peer) == pytest.approx(1e-6)
    assert disagreement(np.array([np.nan, 1.0]), peer) == relative(np.array([np.nan, 1.0]), peer) == math.inf


# ---- tables ----


def test_a_table_is_read_as_it_was_written(tmp_path):
    write(tmp_path / "tables/rows.csv", ROWS)
    for found, row in zip(read(tmp_path / "tables/rows.csv"), ROWS, strict=True):
        assert (found.benchmark, found.peer, found.target, found.note) == (row.benchmark, row.peer, row.target, row.note)
        for name in ("ours_seconds", "peer_seconds", "ratio", "agreement", "allowed"):
            assert getattr(found, name) == pytest.approx(getattr(row, name), rel=1e-3, nan_ok=True)


def test_the_table_in_markdown(tmp_path):
    write(tmp_path / "rows.csv", ROWS)
    assert markdown(read(tmp_path / "rows.csv")).splitlines() == [
        "| benchmark | pinnscape | peer | its time | ratio | target | agreement |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: |",
        "| grid 5×5 | 12.3 ms | some-package 1.2 | 250 ms | 20.2× | ≥ 5 | 2e-13 |",
        "| a surface against points | 2 s | slope | – | 1.07 | ≤ 1.2 | – |",
        "| surface, peak memory | – | memory | – | 0.5 GB | ≤ 2 | – |",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(math.nan, "–"), (2.5e-6, "2.5 µs"), (0.0314159, "31.4 ms"), (7.0, "7 s"), (119.0, "119 s"), (150.0, "2.5 min")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(("number", "drawn"), [(1, True), (12, True), (0, False)])
def test_a_figure_of_what_has_a_peer(tmp_path, number, drawn):
    draw([*ROWS[:1] * number, *ROWS[1:]], tmp_path / "figures", "rows")
    found = {path.name for path in tmp_path.rglob("rows.*")}
    assert found == ({"rows.png", "rows.pdf"} if drawn else set())


# ---- the worker ----

JOBS = """
import os
import numpy as np

def scaled(factor, values):
    if factor < 0:
        raise ValueError("negative factor")
    calls = []
    def run():
        print("chatter")
        calls.append(1)
        return {"values": factor * values, "calls": np.array(len(calls))}
    return run

def deadly():
    return lambda: os._exit(3)

JOBS = {"scaled": scaled, "deadly": deadly}
"""


@pytest.fixture
def client(tmp_path):
    (tmp_path / "trivial_jobs.py").write_text(JOBS)
    with Client(sys.executable, "trivial_jobs", (tmp_path,)) as found:
        yield found


def test_a_worker_does_its_job_as_often_as_it_is_timed(client):
    values = np.random.default_rng(0).standard_normal((3, 4))
    client.prepare("scaled", {"factor": 0.1}, values=values)
    assert all(0.0 <= client.seconds() < 10.0 for _ in range(3))
    found = client.result()
    np.testing.assert_array_equal(found["values"], 0.1 * values)
    assert found["calls"] == 3
    assert client.version("numpy") == np.__version__


def test_a_worker_survives_a_failure_and_tells_of_it(client):
    with pytest.raises(WorkerError, match="negative factor"):
        client.prepare("scaled", {"factor": -1.0}, values=np.ones(2))
    with pytest.raises(WorkerError, match="KeyError"):
        client.prepare("unknown", {})
    client.prepare("scaled", {"factor": 2.0}, values=np.ones(2))
    client.seconds()
    assert client.result()["values"].tolist() == [2.0, 2.0]


def test_the_end_of_a_worker_is_noticed(client):
    client.prepare("deadly", {})
    with pytest.raises(WorkerError, match="has ended"):
        client.seconds()


# ---- the peers' losses and planes ----


@pytest.mark.parametrize(("problem", "formulation"), LOSSES)
def test_a_pinn_of_the_peers_has_our_loss_and_gradient(problem, formulation):
    d = small(problem, width=5, depth=3)
    theta = initial(d, seed=3)
    loss, slope = d.objective(formulation).loss_and_gradient(theta)
    points, weights, load = map(torch.tensor, ours.at_points(d, formulation).values())
    model, x = Pinn(theta, 5, 3, BOUNDARIES[problem]), points.requires_grad_()
    found = LOSSES[problem, formulation](model(x), x, weights, load)
    found.backward()
    torch.testing.assert_close(found.detach(), loss, rtol=1e-10, atol=0.0)
    gradient = torch.cat([p.grad.ravel() for p in model.parameters()])
    torch.testing.assert_close(gradient, slope, rtol=1e-10, atol=1e-10 * float(slope.abs().max()))


def test_a_pinn_does_not_share_its_parameters():
    theta = torch.ones(small().network.size, dtype=torch.float64)
    model = Pinn(theta, 4, 2, BOUNDARIES["poisson2d"])
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert bool((theta == 1.0).all())


@pytest.mark.parametrize("rows", [3, 4, 5])
def test_the_plane_of_visited_points(rows):
    # forth from 1 to 5, back from 4 to 0, and so on
    steps, rng = 5, np.random.default_rng(0)
    start, first, second = rng.standard_normal((3, 7))
    forth, back = [1, 2, 3, 4, 5], [4, 3, 2, 1, 0]
    thetas = np.array([start + i * first + j * second for i in range(rows) for j in (back if i % 2 else forth)])
    directions, axes, coordinates = visited(thetas, steps)
    centre = start + 2.5 * first + 2.5 * second
    np.testing.assert_allclose(centre + coordinates @ directions, thetas, rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        centre + axes[0][2] * directions[0] + axes[1][4] * directions[1], thetas[2 * steps + 4], atol=1e-12
    )


@pytest.mark.parametrize("name", WORK)
def test_the_settings_of_split_timings_are_valid(name):
    base = yaml.safe_load((PROJECT / "config.yaml").read_text())
    for settings in WORK[name][3:]:
        assert study.parse(merged(merged(base, STUDY), settings)).cases == ("poisson2d",)


@pytest.mark.parametrize("name", NESTED)
def test_the_equations_of_the_benchmarks_are_those_of_plain_torch(name, tmp_path):
    """On fewer points, by torch on both sides; `make bench` compares the native code in the same way."""
    make, terms, nested = NESTED[name]
    made = make(Mlp(1 if name == "beam" else 2, 1, 5, 2), **({"interior": 20} if name == "convection" else {"points": 20}))
    objective, plain = FieldObjective(name, made, terms), partial(nested, made)
    rng = np.random.default_rng(0)
    theta, vector = torch.tensor(rng.standard_normal((2, objective.size)))
    for kind in KINDS:
        ours_of, theirs_of = our_job(objective, kind, theta, vector)(), nested_job(plain, kind, theta, vector)()
        assert disagreement(ours_of["result"], theirs_of["result"]) < 1e-10


# ---- the large network ----


def test_the_study_of_a_large_network_is_one_and_its_network_is_large():
    """Without a claim's setting or another in its way: it differs from the default study in what tests/wide.yaml says alone."""
    parsed = study.parse(wide.study())
    assert parsed.cases == ("poisson2d",)
    assert network(parsed.all_cases["poisson2d"].model).size == 132_609
    assert parsed.techniques == study.parse(yaml.safe_load((PROJECT / "config.yaml").read_text())).techniques


def test_time_and_memory_of_each_job_come_from_its_benchmark_file(tmp_path):
    header = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
    folder = tmp_path / "results/benchmarks/train"
    folder.mkdir(parents=True)
    (folder / "seed-0.tsv").write_text(header + "61.5\t0:01:01\t4100.25\t1\t1\t1\t1\t1\t1\t59.75\n")
    (tmp_path / "results/benchmarks/claims.tsv").write_text(header + "0.4\t0:00:00\t-\t-\t-\t-\t-\t-\t-\t-\n")
    rows = sorted(wide.measured(tmp_path))
    assert rows[1] == ("train/seed-0", 61.5, 59.75, 4100.25)
    assert rows[0][:2] == ("claims", 0.4)
    assert all(math.isnan(number) for number in rows[0][2:])
    lines = wide.table(rows).splitlines()
    assert lines[2:] == ["| train/seed-0 | 62 | 60 | 4100 |", "| claims | 0 | – | – |"]
    assert wide.too_large(rows) == ["train/seed-0: 4100 MB"]
