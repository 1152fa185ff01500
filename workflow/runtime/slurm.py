"""Whether Slurm can tell what became of a job; asked before the first job is submitted.

The executor asks sacct, which needs Slurm's accounting database, or squeue, which forgets a job some time after its end. Without an answer it would
wait forever and say nothing: https://github.com/snakemake/snakemake-executor-plugin-slurm/issues/207 and 38; 2.8.0 at least.
"""

import re
import shutil
import subprocess

LONGEST_PAUSE = 180  # seconds between two looks of the executor at its jobs, at most


def trouble(command: str, first_look: int) -> str | None:
    """One line about why the end of a job would go unnoticed on this cluster, and what to set instead.

    Args:
        command: the profile's ``slurm-status-command``, sacct or squeue.
        first_look: its ``slurm-init-seconds-before-status-checks``.
    """
    return judge(command, first_look, memory(), sacct_complaint())


def judge(command: str, first_look: int, remembered: int | None, sacct: str | None) -> str | None:
    """The same from what the cluster says.

    Args:
        command: sacct or squeue.
        first_look: seconds between two looks, at first.
        remembered: seconds that squeue remembers a finished job, 0 for ever, None if unknown.
        sacct: what it complains about, empty if nothing, None if it is not installed.
    """
    # The executor itself changes from one to the other.
    falls_back = command == "squeue" and (remembered is None or remembered < 3 * first_look)
    if sacct is not None and (command == "sacct" or falls_back):
        if not sacct:
            return None
        reason = f"sacct cannot tell what becomes of jobs ({sacct})"
        if falls_back and remembered is not None:
            reason += f", and squeue forgets them {remembered} s after their end"
    elif not remembered or remembered > LONGEST_PAUSE:
        return None
    else:
        reason = f"squeue forgets jobs {remembered} s after their end, which is too early to be seen"
    if sacct == "":
        return f"{reason}; set slurm-status-command: sacct in the profile"
    if remembered is None or remembered <= LONGEST_PAUSE:
        return f"{reason}; ask the cluster's administrators for an accounting database or for MinJobAge=300 in slurm.conf"
    wanted = [] if command == "squeue" else ["slurm-status-command: squeue"]
    if remembered < 3 * first_look:
        wanted.append(f"slurm-init-seconds-before-status-checks: {remembered // 3}")
    return f"{reason}; set {' and '.join(wanted)} in the profile"


def memory() -> int | None:
    """Seconds that Slurm remembers finished jobs (MinJobAge); None where it does not say."""
    done = _run("scontrol", "show", "config")
    found = re.search(r"(?m)^MinJobAge\s*=\s*(\d+)", done.stdout) if done else None
    return int(found[1]) if found else None


def sacct_complaint() -> str | None:
    """Why sacct does not answer, empty if it does; None if it is not installed."""
    if not shutil.which("sacct"):
        return None
    done = _run("sacct", "-X", "--noheader", "--starttime", "now")
    if not done or not done.returncode:
        return ""  # slow is not broken
    said = [line.removeprefix("sacct: ").removeprefix("error: ") for line in done.stderr.splitlines() if line.strip()]
    return said[-1] if said else f"it ends with status {done.returncode}"


def _run(*command: str) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
