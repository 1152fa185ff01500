"""Runs the benchmarks: `python tests/benchmarks/run.py --output results/tables/benchmarks.csv`.

Ours run in the environment that this is started in, the peers in another one (.venv-peers), each with one thread. The figure goes next to the
table, to figures/ in place of tables/. The exit status tells whether all results agree; a target that is missed is no error.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1]


def rows(names: list[str], python: Path, repeats: int) -> Iterator:
    """One row after the other, as they are done."""
    from benchmarks.client import Client
    from benchmarks.limits import LIMITS
    from benchmarks.modules import loops, modules
    from benchmarks.suite import BENCHMARKS, Duel

    duels, alone = BENCHMARKS | {"module": modules}, LIMITS | {"loops": loops}
    wanted = names or [*duels, *alone]
    if against_peers := [benchmark for name, benchmark in duels.items() if name in wanted]:
        with Client(python, "benchmarks.peers") as client:
            for benchmark in against_peers:
                yield from benchmark(Duel(client, repeats))
    for name, benchmark in alone.items():
        if name in wanted:
            yield from benchmark(min(repeats, 3))


def main() -> None:
    import torch
    from benchmarks.figure import draw
    from benchmarks.rows import write

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="benchmarks to run (grid, picture, products, ...); all by default")
    parser.add_argument("--output", type=Path, required=True, help="the table, a CSV file")
    parser.add_argument("--peers", type=Path, default=FOLDER.parent / ".venv-peers/bin/python", help="interpreter of the peers")
    parser.add_argument("--repeats", type=int, default=15, help="timings of each side (default 15; three of slow ones)")
    settings = parser.parse_args()
    torch.set_num_threads(1)
    found, begin = [], time.monotonic()
    for row in rows(settings.names, settings.peers, settings.repeats):
        found.append(row)
        print(f"{time.monotonic() - begin:6.1f} s  {row.benchmark}, {row.peer}: {row.ratio:.3g} {row.target}", flush=True)
        write(settings.output, found)
    draw(found, settings.output.parent.parent / "figures", settings.output.stem)
    wrong = [row.benchmark for row in found if row.agrees is False]
    if wrong:
        sys.exit(f"results disagree: {'; '.join(wrong)}")


if __name__ == "__main__":
    # The folders take the place of this one, whose modules would hide others of the same name.
    sys.path[0:1] = [str(FOLDER), str(FOLDER.parent / "workflow")]
    main()
