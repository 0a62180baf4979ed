"""What all parts of the GPU benchmark share: the run, comparison, timing, and counting of waits."""

import time
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .measure import interleave, ready, summary


class Run(NamedTuple):
    """What was asked for.

    device: "cuda" or "cpu".
    quick: tiny sizes.
    deadline (seconds): of the monotonic clock.
    data, encoder: folders; "" for none.
    """

    device: str
    quick: bool
    deadline: float
    data: str
    encoder: str

    def seconds_left(self) -> float:
        """Until the deadline."""
        return self.deadline - time.monotonic()

    def wait(self) -> None:
        """Until the device has done all that it was given."""
        if self.device == "cuda":
            torch.cuda.synchronize()

    def medians(self, steps: dict[str, Callable[[], object]], repeats: int) -> dict[str, float]:
        """Time steps side by side, each until the device is done.

        repeats: rounds that count, in each of which all steps take their turn.
        RETURNS: seconds of each, the median.
        """

        def finished(step: Callable[[], object]) -> Callable[[], None]:
            def finish() -> None:
                step()
                self.wait()

            return finish

        cases = {name: ready(finished(step)) for name, step in steps.items()}
        seconds = interleave(cases, repeats=repeats, least_seconds=0 if self.quick else 0.03)
        return {name: summary(samples)["median"] for name, samples in seconds.items()}

    def waits(self, step: Callable[[], object]) -> dict[str, Any]:
        """Count where a step makes the host wait for the device, as PyTorch sees it.

        RETURNS: how often, and how often at each line.
        """
        step()
        self.wait()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if self.device == "cuda":
                torch.cuda.set_sync_debug_mode("warn")
            try:
                step()
            finally:
                if self.device == "cuda":
                    torch.cuda.set_sync_debug_mode("default")
        found = [each for each in caught if "called a synchronizing" in str(each.message)]
        lines = Counter("/".join([*Path(w.filename).parts[-2:], str(w.lineno)]) for w in found)
        return {"waits": len(found), "lines": dict(lines.most_common())}


def largest_difference(found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """Between tensors, relative to the largest value of each expected one; the worst of them."""
    worst = 0.0
    for ours, theirs in zip(found, expected, strict=True):
        ours, theirs = ours.detach().cpu().double(), theirs.detach().cpu().double()
        scale = float(theirs.abs().max()) or 1.0
        worst = max(worst, float((ours - theirs).abs().max()) / scale)
    return worst
