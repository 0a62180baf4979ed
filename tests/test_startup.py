"""What everyone waits for who has the package installed: `spacy --help`, and spacy.blank()."""

import re
import subprocess
import sys

import pytest

# What spaCy imports, and what of ours comes on top of it: at each command, at each pipeline.
STARTS = {
    "spacy.cli": "spacy_globalpointer.commands",
    "spacy": "spacy_globalpointer.pipeline.factory",
}
each_start = pytest.mark.parametrize(("theirs", "ours"), STARTS.items())
# Parts of ours that need torch, or take long.
HEAVY = ("nn", "models", "losses", "annotator")


def run(script, *options):
    """Standard output and standard error of a fresh process."""
    command = [sys.executable, *options, "-c", script]
    process = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert process.returncode == 0, process.stderr
    return process.stdout, process.stderr


@each_start
def test_nothing_is_imported_but_ours_and_the_standard_library(theirs, ours):
    out, _ = run(
        f"import sys, {theirs}\n"
        "before = set(sys.modules)\n"
        f"import {ours}\n"
        "print(*set(sys.modules) - before)"
    )
    modules = out.split()
    assert ours in modules
    for module in modules:
        top, _, rest = module.partition(".")
        is_ours = top == "spacy_globalpointer"
        assert is_ours or top in {*sys.stdlib_module_names, "pyexpat"}, module
        assert not (is_ours and rest.split(".")[0] in HEAVY), module


@each_start
def test_it_takes_no_time_to_speak_of(theirs, ours):
    """As a share of spaCy's own time: machines differ. They may be busy: one try in three."""
    parts = ours.split(".")
    modules = [".".join(parts[:n]) for n in range(1, len(parts) + 1)]

    def measure():
        _, err = run(f"import {theirs}, {ours}", "-X", "importtime")
        rows = re.findall(r"^import time: +\d+ \| +(\d+) \| +(\S+)$", err, re.MULTILINE)
        times = {name: int(microseconds) for microseconds, name in rows}
        return sum(times[module] for module in modules) / times[theirs]

    assert any(measure() < 0.1 for _ in range(3))
