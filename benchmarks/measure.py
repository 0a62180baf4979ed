"""Time and memory of alternatives, measured side by side.

A machine is never quiet: alternatives take turns within one process, so that what disturbs one
disturbs all, and only ratios of medians are quoted. Memory is measured in a process of its own.
"""

import ctypes
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import torch

from spacy_globalpointer.corpora import dump_json

# Prepares a step, outside the clock, and returns it.
Prepare = Callable[[], Callable[[], object]]
Name = TypeVar("Name", bound=Hashable)

PACKAGES = ("spacy-globalpointer", "spacy", "thinc", "torch", "numpy")


def interleave(
    cases: Mapping[Name, Prepare], *, repeats: int, least_seconds: float = 0.05
) -> dict[Name, list[float]]:
    """Time all cases once, then all again, and so on, after one round that does not count.

    cases: by name.
    repeats: rounds that count.
    least_seconds: a sample repeats a short step until so much time has passed.
    RETURNS: seconds of one step, a sample for each round.
    """
    seconds: dict[Name, list[float]] = {name: [] for name in cases}
    for _ in range(repeats + 1):
        for name, prepare in cases.items():
            seconds[name].append(_sample(prepare(), least_seconds))
    return {name: samples[1:] for name, samples in seconds.items()}


def ready(step: Callable[[], object]) -> Prepare:
    """A case whose step needs no fresh preparation."""
    return lambda: step


def _sample(step: Callable[[], object], least_seconds: float) -> float:
    steps, start = 0, time.perf_counter()
    while True:
        step()
        steps += 1
        passed = time.perf_counter() - start
        if passed >= least_seconds:
            return passed / steps


def summary(seconds: Sequence[float]) -> dict[str, Any]:
    """Median and spread of samples.

    RETURNS: median, lowest and highest, and all samples.
    """
    return {
        "median": statistics.median(seconds),
        "low": min(seconds),
        "high": max(seconds),
        "samples": list(seconds),
    }


def extra_memory(prepare: Callable[..., Callable[[], object]], *args: object) -> float:
    """Peak memory of a step beyond what its process held before, in a process of its own.

    prepare: a function that a fresh process can import; prepares the step, with args.
    RETURNS: MiB.
    RAISES (OSError): not Linux with glibc: elsewhere a process's old peak cannot be forgotten.
    """
    return memory_and_seconds(prepare, *args)[0]


def memory_and_seconds(
    prepare: Callable[..., Callable[[], object]], *args: object
) -> tuple[float, float]:
    """Peak memory of a step, as `extra_memory` measures it, and the time of this one run.

    RETURNS: MiB and seconds of its processor, whatever else the machine does.
    """
    context = multiprocessing.get_context("spawn")
    # One call a process: what an earlier call has freed would hide what a later one takes.
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_run_once, prepare, torch.get_num_threads(), *args).result()


def _run_once(
    prepare: Callable[..., Callable[[], object]], threads: int, *args: object
) -> tuple[float, float]:
    torch.set_num_threads(threads)
    step = prepare(*args)
    # What preparing has freed is given back, or the step would take it unseen.
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak becomes what is held now
    before, start = _status("VmHWM"), time.process_time()
    step()
    return (_status("VmHWM") - before) / 1024, time.process_time() - start


def _status(name: str) -> int:
    """A figure of this process, in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def save(path: Path, benchmark: str, settings: dict[str, Any], results: Any) -> None:
    """Write a report: what was measured, on what, and the results.

    path: of the JSON file; written at once or not at all.
    settings: of the run, such as seed and repeats.
    """
    report = {
        "benchmark": benchmark,
        "machine": describe_machine(),
        "versions": {"python": platform.python_version(), **{p: version(p) for p in PACKAGES}},
        "settings": settings,
        "results": results,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_text(dump_json(report, indent=1) + "\n", encoding="utf8")
    draft.replace(path)


def describe_machine() -> dict[str, Any]:
    """What the figures depend on, besides the versions."""
    cpu = Path("/proc/cpuinfo")
    names = cpu.read_text().splitlines() if cpu.exists() else []
    model = next((n.split(":", 1)[1].strip() for n in names if n.startswith("model name")), "")
    return {
        "system": platform.system(),
        "cpu": model or platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }
