"""Whether the text of a figure can be read: large enough, within the page, and not on top of other text."""

from matplotlib.figure import Figure
from matplotlib.text import Text

from pinnscape.figures import style, ticks

SMALLEST = 6.0  # points
_SLACK = 1.0  # pixels by which the boxes of texts may overlap


def faults(fig: Figure) -> list[str]:
    """What cannot be read in a figure, in words."""
    _arrange(fig)
    texts = [text for text in fig.findobj(Text) if text.get_text().strip() and _is_visible(text)]
    found = [f"{text.get_text()!r} has {text.get_fontsize()} points" for text in texts if text.get_fontsize() < SMALLEST]
    labels = {id(label) for ax in fig.axes for label in _tick_labels(ax)}  # matplotlib omits those outside the limits
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts if id(text) not in labels]
    page = fig.bbox
    for number, (text, box) in enumerate(boxes):
        if box.x0 < page.x0 - 1 or box.y0 < page.y0 - 1 or box.x1 > page.x1 + 1 or box.y1 > page.y1 + 1:
            found.append(f"{text!r} is clipped")
        inner = box.padded(-_SLACK)
        found += [f"{text!r} overlaps {other!r}" for other, area in boxes[:number] if inner.overlaps(area)]
    return found


@style.styled
def _arrange(fig: Figure) -> None:
    ticks.simplify(fig)
    fig.draw_without_rendering()


def _is_visible(text: Text) -> bool:
    return text.get_visible() and (text.axes is None or text.axes.get_visible())


def _tick_labels(ax) -> list[Text]:
    axes = [getattr(ax, name) for name in ("xaxis", "yaxis", "zaxis") if hasattr(ax, name)]
    return [label for axis in axes for label in [*axis.get_ticklabels(which="both"), axis.get_offset_text()]]
