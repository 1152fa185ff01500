"""Opens files of somebody else under an audit hook, and prints as JSON what Python was asked to do meanwhile.

Called with the files. A good file must come first: it makes the libraries import what they import at first use. The last line is of a pickle
that runs code, by which to see that the hook sees.
"""

import json
import pickle
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow"))

from pinnscape.common.errors import StorageError
from pinnscape.files import store

# Everything by which a file could run code, start a program, reach another machine or change another file.
WATCHED = (
    "exec",
    "compile",
    "import",
    "pickle",
    "marshal",
    "ctypes",
    "os.",
    "subprocess",
    "socket",
    "shutil",
    "urllib",
    "open",
)
events: list[list[str]] = []
watching = False


def watch(event: str, arguments: tuple) -> None:
    if watching and event.startswith(WATCHED):
        events.append([event, str(arguments[0]) if arguments else ""])


def main(paths: list[str]) -> None:
    global watching
    sys.addaudithook(watch)
    store.configuration(store.read(paths[0], "checkpoints"))
    for path in paths:
        events.clear()
        watching = True
        try:
            dataset = store.read(path, "checkpoints")
            said = "read"
            store.configuration(dataset)
            store.identity(dataset)
        except StorageError as refusal:
            said = str(refusal)
        watching = False
        print(json.dumps([said, events]), flush=True)
    events.clear()
    watching = True
    pickle.loads(b"cbuiltins\nexec\n(S'1'\ntR.")
    watching = False
    print(json.dumps(["read", events]))


if __name__ == "__main__":
    main(sys.argv[1:])
