"""Damages good NetCDF files, reads each damaged one, and prints what came of it; a process of its own, so that a crash is seen.

Called with a folder, the first and the last mutation; prints one line of JSON a mutation: the kind of damage, what happened, and the seconds of CPU it took.
"""

import json
import random
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2] / "workflow")]

import numpy as np
import xarray as xr
from file_cases import variable

from pinnscape.common.errors import StorageError
from pinnscape.files import store
from pinnscape.files.store import REQUIRED

OWNER = {"case": "poisson1d", "trained_on": "deep-ritz", "seed": 0, "configuration": {"network": {"width": 5}}}


def originals(folder: Path) -> dict[str, Path]:
    """Small files of several stages, and one of another run."""
    random_numbers = np.random.default_rng(0)

    def made(stage: str, name: str, seed: int = 0) -> Path:
        names = REQUIRED[stage] or ("theta", "snapshot_step", "loss")
        values = {key: variable(("k", "parameter"), random_numbers.normal(size=(3, 40)), key) for key in names}
        dataset = xr.Dataset(values, {"k": variable("k", np.array(["a", "b", "c"]), "k")}, {"kind": "random"})
        path = folder.with_name(f"seed-{seed}") / name
        store.write(path, dataset, stage=stage, title=stage, **OWNER | {"seed": seed})
        return path

    return {
        "checkpoints": made("checkpoints", "checkpoints.nc"),
        "train": made("train", "training.nc"),
        "surfaces": made("surfaces", "surface-random.nc"),
        "run": made("checkpoints", "checkpoints.nc", seed=1),
    }


def damaged(good: bytes, others: list[bytes], choose: random.Random) -> tuple[str, bytes]:
    """The kind of damage and the damaged bytes; some damage happens to change nothing."""
    at, size = choose.randrange(len(good)), choose.choice([1, 2, 8, 64, 85, 512, 4096])
    other = choose.choice(others)
    kinds = ["truncated", "flipped", "flipped", "flipped", "beginning", "seal", "inserted", "removed", "zeros", "ones", "moved"]
    kinds += ["twice", "appended", "prepended", "swapped", "spliced", "lines", "unsealed", "resealed", "text"]
    kind = choose.choice(kinds)
    data = bytearray(good)
    match kind:
        case "truncated":
            del data[at:]
        case "flipped":
            for _ in range(choose.choice([1, 1, 2, 20])):
                data[choose.randrange(len(data))] ^= 1 << choose.randrange(8)
        case "beginning":
            data[choose.randrange(96)] ^= 1 << choose.randrange(8)
        case "seal":
            data[-1 - choose.randrange(85)] ^= 1 << choose.randrange(8)
        case "inserted":
            data[at:at] = choose.randbytes(size)
        case "removed":
            del data[at : at + size]
        case "zeros":
            data[at : at + size] = bytes(len(data[at : at + size]))
        case "ones":
            data[at : at + size] = b"\xff" * len(data[at : at + size])
        case "moved":
            to = choose.randrange(len(data))
            data[to : to + size] = data[at : at + len(data[to : to + size])]
        case "twice":
            data += good
        case "appended":
            data += choose.choice([b"\n", b"\0", b" ", other, other[-85:], data[-85:], choose.randbytes(size)])
        case "prepended":
            data[:0] = choose.choice([b"\n", b"\0" * 512, b"\xef\xbb\xbf", other])
        case "swapped":
            data[:] = other
        case "spliced":
            data[at:] = other[at:]
        case "lines":  # what a transfer as text does
            data[:] = data.replace(*choose.choice([(b"\n", b"\r\n"), (b"\r\n", b"\n"), (b"\n", b""), (b"\r", b"")]))
        case "unsealed":
            del data[-choose.choice([1, 20, 84, 85, 86]) :]
        case "resealed":
            data[-85:] = other[-85:]
        case "text":
            data[:] = data.decode("utf-8", "replace").encode()
    return kind, bytes(data)


def outcome(path: Path, good: xr.Dataset) -> str:
    """What reading gives: ``same``, ``WRONG``, or the message of the refusal."""
    try:
        return "same" if store.read(path, "checkpoints").identical(good) else "WRONG"
    except StorageError as refusal:
        return str(refusal)


def main(folder: Path, first: int, last: int) -> None:
    files = originals(folder)
    path = files.pop("checkpoints")
    content, good = path.read_bytes(), store.read(path, "checkpoints")
    others = [file.read_bytes() for file in files.values()]
    for number in range(first, last):
        kind, data = damaged(content, others, random.Random(number))
        path.write_bytes(data)
        start = time.process_time()
        found = outcome(path, good)
        row = [kind, data == content, found, time.process_time() - start]
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
