"""Check that Slurm reports the end of jobs, before the first job is submitted.

The executor queries sacct, which requires the accounting database of Slurm, or squeue, which removes a job some time after its
end. Without an answer the executor would wait forever without a message
(https://github.com/snakemake/snakemake-executor-plugin-slurm/issues/207 and 38; at least version 2.8.0).
"""

import re
import shutil
import subprocess

LONGEST_PAUSE = 180  # longest interval in seconds between two status checks of the executor


def trouble(command: str, first_look: int) -> str | None:
    """One line that says why the end of a job would not be noticed on this cluster, with a remedy; None if it would be.

    Args:
        command: ``slurm-status-command`` of the profile, sacct or squeue.
        first_look: ``slurm-init-seconds-before-status-checks`` of the profile.
    """
    return judge(command, first_look, memory(), sacct_complaint())


def judge(command: str, first_look: int, remembered: int | None, sacct: str | None) -> str | None:
    """The line of ``trouble`` for given properties of the cluster.

    Args:
        command: sacct or squeue.
        first_look: initial interval in seconds between two status checks.
        remembered: seconds for which squeue lists a finished job; 0 means forever, None unknown.
        sacct: error message of sacct; empty if it works, None if it is not installed.
    """
    # The executor itself falls back from squeue to sacct.
    falls_back = command == "squeue" and (remembered is None or remembered < 3 * first_look)
    if sacct is not None and (command == "sacct" or falls_back):
        if not sacct:
            return None
        reason = f"sacct does not report the state of jobs ({sacct})"
        if falls_back and remembered is not None:
            reason += f", and squeue removes them {remembered} s after their end"
    elif not remembered or remembered > LONGEST_PAUSE:
        return None
    else:
        reason = f"squeue removes jobs {remembered} s after their end, which is too early for the status checks"
    if sacct == "":
        return f"{reason}; set slurm-status-command: sacct in the profile"
    if remembered is None or remembered <= LONGEST_PAUSE:
        return f"{reason}; ask the cluster's administrators for an accounting database or for MinJobAge=300 in slurm.conf"
    wanted = [] if command == "squeue" else ["slurm-status-command: squeue"]
    if remembered < 3 * first_look:
        wanted.append(f"slurm-init-seconds-before-status-checks: {remembered // 3}")
    return f"{reason}; set {' and '.join(wanted)} in the profile"


def memory() -> int | None:
    """Seconds for which Slurm lists finished jobs (MinJobAge); None if this is not known."""
    done = _run("scontrol", "show", "config")
    found = re.search(r"(?m)^MinJobAge\s*=\s*(\d+)", done.stdout) if done else None
    return int(found[1]) if found else None


def sacct_complaint() -> str | None:
    """The error message of sacct; empty if it works, None if it is not installed."""
    if not shutil.which("sacct"):
        return None
    done = _run("sacct", "-X", "--noheader", "--starttime", "now")
    if not done or not done.returncode:
        return ""  # a timeout is not an error
    complaints = [line.removeprefix("sacct: ").removeprefix("error: ") for line in done.stderr.splitlines() if line.strip()]
    return complaints[-1] if complaints else f"it ends with status {done.returncode}"


def _run(*command: str) -> subprocess.CompletedProcess[str] | None:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
