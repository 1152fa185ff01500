"""A Slurm cluster of one node on this machine, with its own munge, a fake GPU and no accounting database, for as long as a `with` block lasts."""

import fcntl
import os
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

MARK = "# Written by pinnscape's tests; goes when they end.\n"
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "sacct", "setpriv")
SETTINGS = Path("/etc/slurm")  # the only place where a job's own srun looks
CONF = """\
ClusterName=pinnscape
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
JobCompType=jobcomp/none
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,sched_interval=2
KillWait=5
MinJobAge=300
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=64000 Gres=gpu:h100:1 State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=INFINITE DefMemPerCPU=1000 State=UP
PartitionName=gpu Nodes={host} MaxTime=INFINITE DefMemPerCPU=1000 State=UP
"""
GRES = "NodeName={host} Name=gpu Type=h100 Count=1 File=/dev/null\n"


def obstacle() -> str | None:
    """Why no cluster can be started here."""
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        return f"{', '.join(missing)} not found: apt-get install slurm-wlm munge"
    if os.geteuid():
        return "only root can start a Slurm cluster"
    conf = SETTINGS / "slurm.conf"
    if conf.exists() and not conf.read_text(encoding="utf-8").startswith(MARK):
        return f"{conf} belongs to another cluster"
    return None


@contextmanager
def cluster() -> Iterator[Path]:
    """Start the daemons and wait until the node takes jobs; gives the folder with their logs. They are stopped in any case, by their own pids."""
    with ExitStack() as stack:
        lock = stack.enter_context((Path(tempfile.gettempdir()) / "pinnscape-slurm.lock").open("w", encoding="utf-8"))
        fcntl.flock(lock, fcntl.LOCK_EX)  # a machine has one /etc/slurm
        folder = Path(tempfile.mkdtemp(prefix="slurm-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o755)
        for name in ("state", "spool"):
            (folder / name).mkdir()
        key = folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(1024))
        names = {"host": socket.gethostname().split(".")[0], "folder": folder, "controller": _port(), "node": _port()}
        _settings(stack, "slurm.conf", CONF.format(**names))
        _settings(stack, "gres.conf", GRES.format(**names))
        files = {"key": key, "socket": folder / "munge.sock", "pid": folder / "munged.pid", "log": folder / "munged.log"}
        _daemon(
            stack,
            "munged",
            "--foreground",
            *[f"--{name}-file={path}" for name, path in files.items() if name != "socket"],
            f"--socket={files['socket']}",
            f"--seed-file={folder}/munge.seed",
        )
        _until(files["socket"].exists, folder)
        _daemon(stack, "slurmctld", "-D")
        _until(lambda: answer("scontrol", "ping").find("is UP") > 0, folder)
        _daemon(stack, "slurmd", "-D", "-N", names["host"])
        stack.callback(_cancel_all)
        _until(lambda: answer("sinfo", "--noheader", "--format=%T", "--partition=gpu") == "idle", folder)
        yield folder


def answer(*command: str) -> str:
    """What a command of Slurm prints; empty where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, timeout=60)
    return "" if done.returncode else done.stdout.strip()


def jobs() -> list[dict[str, str]]:
    """All jobs that Slurm remembers, as `scontrol show job` tells of them."""
    lines = answer("scontrol", "--oneliner", "show", "job").splitlines()
    return [dict(re.findall(r"(\S+?)=(.*?)(?= +\S+?=| *$)", line)) for line in lines if line.startswith("JobId=")]


def _settings(stack: ExitStack, name: str, text: str) -> None:
    path = SETTINGS / name
    before = path.read_text(encoding="utf-8") if path.exists() else MARK
    path.parent.mkdir(exist_ok=True)
    path.write_text(MARK + text, encoding="utf-8")
    stack.callback(path.unlink if before.startswith(MARK) else lambda: path.write_text(before, encoding="utf-8"))


def _daemon(stack: ExitStack, *command: str) -> None:
    """Start a daemon that ends with this process, or earlier, with the stack."""
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    stack.callback(_stop, process)


def _stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _cancel_all() -> None:
    """Jobs would outlive the daemons."""
    subprocess.run(["scancel", "--user", "root"], check=False, timeout=60, capture_output=True)
    end = time.monotonic() + 15
    while answer("squeue", "--noheader") and time.monotonic() < end:
        time.sleep(0.1)


def _until(ready: Callable[[], bool], folder: Path, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > end:
            logs = "\n".join(
                f"{path.name}:\n{path.read_text(encoding='utf-8')[-2000:]}" for path in sorted(folder.glob("*.log"))
            )
            raise TimeoutError(f"the cluster did not start within {seconds} s\n{logs}")
        time.sleep(0.05)


def _port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
