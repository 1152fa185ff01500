"""How far a long piece of work has come, shown on a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def bar(total: int, name: str, unit: str, done: int = 0) -> Iterator[Callable[[int], object]]:
    """A bar of tqdm, which shows nothing where there is no terminal; no bar where tqdm is not installed.

    Args:
        total: when all is done.
        name: of the work.
        unit: what is counted.
        done: how many are done from the start.

    Yields:
        A function that adds to what is done.
    """
    try:
        from tqdm import tqdm
    except ImportError:
        yield lambda count: None
        return
    with tqdm(total=total, initial=done, desc=name, unit=unit, disable=None, leave=False) as shown:
        yield shown.update
