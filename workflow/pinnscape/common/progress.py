"""How far a long piece of work has come, shown on a terminal."""

from typing import Protocol, Self


class Bar(Protocol):
    """Counts what is done, as long as its ``with`` statement lasts."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *error: object) -> bool | None: ...

    def update(self, n: int = 1, /) -> object:
        """So many more are done."""
        ...


class _Nothing:
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def update(self, n: int = 1, /) -> None:
        pass


def bar(total: int, name: str, unit: str, done: int = 0) -> Bar:
    """A bar of tqdm, which shows nothing where there is no terminal; none where tqdm is not installed.

    Args:
        total: when all is done.
        name: of the work.
        unit: what is counted.
        done: how many are done from the start.
    """
    try:
        from tqdm import tqdm
    except ImportError:
        return _Nothing()
    return tqdm(total=total, initial=done, desc=name, unit=unit, disable=None, leave=False)
