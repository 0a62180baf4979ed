"""The window of text that a transformer sees at a time, as the config gives it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

STRIDED = "spacy-transformers.strided_spans.v1"
CURATED = "spacy-curated-transformers.WithStridedSpans.v1"


class Window(NamedTuple):
    """Where a transformer's windows lie.

    width: of a window, in unit.
    stride: from the start of one window to that of the next, in unit.
    unit: "tokens" or "pieces". A token has one piece or more.
    """

    width: int
    stride: int
    unit: str

    def holds(self, start: int, end: int) -> bool:
        """Whether one window holds all tokens of a span; of pieces, whether it can.

        start, end (tokens): of the span.
        """
        if self.unit == "pieces":
            return end - start <= self.width
        return end <= start // self.stride * self.stride + self.width


def find_window(config: dict[str, Any], name: str) -> Window | None:
    """The window of a component's encoder.

    config: of the pipeline, with all variables and defaults filled in.
    name: of the component. The encoder is its own, or that of another component.
    RETURNS: None without a transformer, and for windows that follow sentences or documents.
    """
    components = config["components"]
    others = [components[other] for other in config["nlp"]["pipeline"] if other != name]
    for block in (components.get(name, {}), *others):
        for settings in _blocks(block):
            window = _read_window(settings)
            if window is not None:
                return window
    return None


def _blocks(block: Any) -> Iterator[dict[str, Any]]:
    """A block of a config and all blocks in it."""
    if isinstance(block, dict):
        yield block
        for value in block.values():
            yield from _blocks(value)


def _read_window(settings: dict[str, Any]) -> Window | None:
    if settings.get("@span_getters") == STRIDED:
        unit = "tokens"
    elif settings.get("@architectures") == CURATED:
        unit = "pieces"
    else:
        return None
    width, stride = settings.get("window", 128), settings.get("stride", 96)
    return Window(int(width), int(stride), unit)
