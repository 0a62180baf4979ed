"""What a GPU does with the package: parity with the CPU, speed, waits, mixed precision, accuracy.

Parts run in order of importance, each for itself: one that fails leaves its error in the report,
and one for which no time is left says so. The report is written anew after every part.
"""

import argparse
import json
import platform
import time
import traceback
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from . import gpu_head, gpu_pipeline
from .gpu_run import Run

PACKAGES = (
    *("spacy-globalpointer", "torch", "numpy", "spacy", "thinc", "cupy-cuda13x", "cupy-cuda12x"),
    *("transformers", "spacy-transformers"),
)
# Part, and the seconds without which it is not begun.
PARTS: dict[Callable[[Run, dict[str, Any]], None], int] = {
    gpu_head.compare_with_cpu: 10,
    gpu_pipeline.compare_with_cpu: 20,
    gpu_head.time_beside_encoder: 30,
    gpu_head.count_waits: 10,
    gpu_pipeline.count_waits: 10,
    gpu_head.train_in_half_precision: 20,
    gpu_pipeline.measure_words_per_second: 40,
    gpu_pipeline.train_on_genia: 60,
}


def main() -> None:
    """Run all parts and write the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="JSON file")
    parser.add_argument("--data", default="", help="folder with genia/{train,dev}.jsonl.gz")
    parser.add_argument("--encoder", default="", help="folder of a small BERT")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--quick", action="store_true", help="tiny sizes: do all parts run?")
    parser.add_argument("--seconds", type=float, default=480, help="for all parts together")
    names = [_name(part) for part in PARTS]
    help_parts = "these only, added to the report that is there"
    parser.add_argument("--parts", nargs="+", choices=names, metavar="PART", help=help_parts)
    args = parser.parse_args()
    if args.quick:
        torch.set_num_threads(1)
    deadline = time.monotonic() + args.seconds
    run = Run(args.device, args.quick, deadline, args.data, args.encoder)
    report = {"benchmark": "gpu", "quick": args.quick, **describe(run), "parts": {}}
    if args.parts and args.output.exists():
        report["parts"] = json.loads(args.output.read_text(encoding="utf8"))["parts"]
    for part, least_seconds in PARTS.items():
        name = _name(part)
        if args.parts and name not in args.parts:
            continue
        report["parts"][name] = measure(part, least_seconds, run)
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf8")
        print(name, json.dumps(report["parts"][name])[:1500], flush=True)


def _name(part: Callable[[Run, dict[str, Any]], None]) -> str:
    return f"{part.__module__}.{part.__name__}".removeprefix("benchmarks.gpu_")


def measure(
    part: Callable[[Run, dict[str, Any]], None], least_seconds: float, run: Run
) -> dict[str, Any]:
    """Run a part, if there is time for it.

    RETURNS: what it measured, up to where it failed if it did.
    """
    if run.seconds_left() < least_seconds:
        return {"not run": f"{run.seconds_left():.0f} s left"}
    result: dict[str, Any] = {}
    start = time.monotonic()
    try:
        part(run, result)
    except Exception:
        result["error"] = traceback.format_exc(limit=-6)
    result["seconds"] = round(time.monotonic() - start, 1)
    return result


def describe(run: Run) -> dict[str, Any]:
    """What the figures depend on."""
    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    gpu = torch.cuda.get_device_name() if run.device == "cuda" else None
    settings = {
        "cuda": torch.version.cuda,
        "tf32": torch.backends.cuda.matmul.allow_tf32,
        "threads": torch.get_num_threads(),
    }
    return {"device": gpu or run.device, "versions": versions, "settings": settings}


if __name__ == "__main__":
    main()
