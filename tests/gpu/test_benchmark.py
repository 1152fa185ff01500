"""The benchmark of `make test-gpu`, made tiny: it does what it times, and both devices agree."""

import torch
from gpu.benchmark import FULL, TINY, Network, networks, rows, table, tasks


def test_the_benchmark_does_the_same_on_both_devices(device) -> None:
    sizes = Network(4, 1, 5, 1), Network(5, 2, 4, 1)
    found = list(rows(device, sizes, TINY))
    assert [(row.name, row.parameters) for row in found] == [(name, size) for size in (17, 51) for name, *_ in tasks(TINY)]
    for row in found:
        assert row.agreement < 1e-9, row.name
        assert row.cpu > 0.0
        assert row.gpu > 0.0
    lines = table(found).splitlines()
    assert len(lines) == 2 + len(found)
    assert lines[2].startswith("| losses and errors on a plane")
    assert len({len(line) for line in lines}) == 1


def test_the_networks_are_those_of_the_documentation() -> None:
    cpu = torch.device("cpu")
    assert [len(network.on(cpu)[1]) for network in networks(4)] == [337, 132_609]
    assert FULL.plane == 41
    assert FULL.lanczos == 100
