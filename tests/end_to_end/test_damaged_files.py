"""Damaged files in the workflow: each stops the job that reads it with one line, and a rerun after deleting it ends with the bytes of an undisturbed run."""

import random
from pathlib import Path

import pytest
from end_to_end.workspace import PROJECT, Workspace

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("damaged files")]

CASES, SEEDS = ("poisson1d", "neo_hookean2d"), (0, 1)
STUDY = {"study": {"losses": ["strong-form"], "seeds": list(SEEDS)}, "figures": {"seed": 0}}
TARGETS = [f"results/{case}/strong-form/seed-{seed}/checkpoints.nc" for case in CASES for seed in SEEDS]
RUNS = [str(Path(target).parent) for target in TARGETS]


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.glob("results/*/*/*/*.nc"))}


def flipped(content: bytes, position: int) -> bytes:
    return content[:position] + bytes([content[position] ^ 0x10]) + content[position + 1 :]


def test_damaged_files_are_refused_and_made_again(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    choose = random.Random(0)
    with workspace.with_settings(STUDY):
        workspace.run("--", *TARGETS)
        undisturbed = contents(tmp_path)
        assert len(undisturbed) == 3 * len(TARGETS)
        histories = [undisturbed[f"{run}/training.nc"] for run in RUNS]
        damage = {
            RUNS[0]: (flipped(histories[0], 20), "changed since it was written"),  # in the superblock
            RUNS[1]: (flipped(histories[1], choose.randrange(4096, len(histories[1]) - 200)), "changed since it was written"),
            RUNS[2]: (
                histories[2][: choose.randrange(100, len(histories[2]) - 200)],
                "not a readable NetCDF file (truncated: ",
            ),
            RUNS[3]: (histories[2], "its seed is 0, not 1 as its path says"),
        }
        for run, (content, _) in damage.items():
            (tmp_path / run / "training.nc").write_bytes(content)
        done = workspace.snakemake("-c2", "--keep-going", "--", *TARGETS)
        output = done.stdout + done.stderr
        assert done.returncode == 1
        assert "Traceback" not in output
        lines = sorted(line for line in output.splitlines() if line.startswith("pinnscape: "))
        assert len(lines) == len(damage)
        for line, (run, (_, words)) in zip(lines, sorted(damage.items()), strict=True):
            assert line.startswith(f"pinnscape: {run}/training.nc: {words}")
            assert "; delete it and run `snakemake` again (rule `train` makes it) (log: results/logs/checkpoints/" in line
        for run in damage:
            (tmp_path / run / "training.nc").unlink()
        workspace.run("--", *TARGETS)
        assert contents(tmp_path) == undisturbed


def test_names_that_leave_the_results_are_refused_on_the_command_line(tmp_path: Path) -> None:
    """By ``--config`` and ``--configfile``; one of the bad configurations stands for all, which other tests read."""
    workspace = Workspace(tmp_path)
    names = PROJECT / "tests/bad_configs/checkpoint_of_control_characters.yaml"
    refused = {
        ": checkpoints.'../outside': must be a": ["--config", 'checkpoints={"../outside": middle}'],
        "config.yaml with --config: cases.'../poisson2d': must be a name": ["--config", 'cases={"../poisson2d": {}}'],
        "config.yaml with --config: network.width: must be": ["--config", "network={width: 8.5}"],
        f"config.yaml with {names}: checkpoints.'\\x1b[31mmiddle': must be a name": ["--configfile", str(names)],
    }
    for words, arguments in refused.items():
        done = workspace.snakemake("-n", *arguments)
        output = done.stdout + done.stderr
        assert done.returncode == 1
        assert "Traceback" not in output
        assert "\x1b" not in output
        (line,) = [line for line in output.splitlines() if line.startswith("pinnscape: ")]
        assert words in line


def test_only_one_spelling_of_a_seed_names_a_folder(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for seed in ("007", "٣", "99999999999999999999"):
        done = workspace.snakemake("-n", f"results/poisson1d/deep-ritz/seed-{seed}/training.nc")
        assert done.returncode == 1
        assert "/training.nc: neither a result of this study nor an existing file" in done.stdout + done.stderr
