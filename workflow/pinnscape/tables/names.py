"""Names of measured numbers, such as ``barrier[straight, strong-form]``, and their columns in metrics.csv."""

from collections.abc import Collection

from pinnscape.common.formulations import FORMULATIONS

COLUMNS = ("metric", "loss", "variant")


def columns(name: str, known: Collection[str] = tuple(FORMULATIONS)) -> tuple[str, str, str]:
    """The metric, the loss that is evaluated, and what else distinguishes the number; both may be empty.

    Args:
        name: name of the number.
        known: names of all losses.

    >>> columns("barrier[straight, strong-form]")
    ('barrier', 'strong-form', 'straight')

    A term of a loss, ``lambda_max[strong-form/initial]``, is a variant of this loss.
    """
    metric, _, rest = name.partition("[")
    losses, others = list[str](), list[str]()
    for argument in filter(None, rest.removesuffix("]").split(", ")):
        loss, _, term = argument.partition("/")
        if loss in known:
            losses.append(loss)
            others += [term] if term else []
        else:
            others.append(argument)
    return metric, ", ".join(losses), ", ".join(others)
