"""Progress bars on a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(total: int, name: str, unit: str, done: int = 0) -> Iterator[Callable[[int], object]]:
    """A progress bar of tqdm. It is shown only on a terminal and only if tqdm is installed.

    Args:
        total: total number of units.
        name: name of the task.
        unit: name of the unit.
        done: number of units that are finished at the start.

    Yields:
        A function that adds a number of finished units.
    """
    try:
        from tqdm import tqdm
    except ImportError:
        yield lambda count: None
        return
    with tqdm(total=total, initial=done, desc=name, unit=unit, disable=None, leave=False) as shown:
        yield shown.update
