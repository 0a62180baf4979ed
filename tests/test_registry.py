"""What spaCy does with the package before anybody imports it: entry points, also without torch."""

import configparser
import subprocess
import sys
from pathlib import Path

# Packages that need torch or warn at import may be installed beside this one: discovery of
# factories is limited to ours.
OURS_ONLY = """
import importlib.metadata
load = importlib.metadata.EntryPoint.load

def load_ours(point):
    ours = point.group != "spacy_factories" or point.value.startswith("spacy_globalpointer.")
    return load(point) if ours else None

importlib.metadata.EntryPoint.load = load_ours
"""
# Modules of the factories, in alphabetical order.
FACTORIES = ["event_factory", "factory", "relation_factory"]
SETUP = Path(__file__).parents[1] / "setup.cfg"


def run(script):
    """A fresh process, because this one has imported everything; warnings are errors.

    Isolated (-I): the installed package is meant, not a folder of that name.
    """
    command = [sys.executable, "-I", "-W", "error", "-c", OURS_ONLY + script]
    process = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert process.returncode == 0, process.stderr
    return process.stdout


def registered():
    """[(registry, name)] of the functions that setup.cfg declares."""
    setup = configparser.ConfigParser(delimiters=["="])
    setup.optionxform = str
    setup.read(SETUP, encoding="utf-8")
    return [
        (group.split("_")[1], line.split("=")[0].strip())
        for group, lines in setup["options.entry_points"].items()
        for line in lines.split("\n")
        if line.strip() and group != "spacy_cli"
    ]


def test_names_are_found_without_an_import_of_the_package():
    out = run(
        "import sys, spacy\n"
        "nlp = spacy.blank('en')\n"
        "print(sorted(name for name in sys.modules if name.startswith('spacy_globalpointer')))\n"
        f"for registry, name in {registered()}:\n"
        "    assert spacy.registry.has(registry, name), name\n"
        "assert spacy.Language.has_factory('global_pointer')\n"
        "pipe = nlp.add_pipe('global_pointer')\n"
        "print(type(pipe).__module__, nlp.pipe_names)\n"
    )
    # Only what the discovery of the factory needs; nothing in it imports torch.
    modules = ["spacy_globalpointer", "spacy_globalpointer.pipeline"]
    assert out.split("\n")[:2] == [
        str([*modules, *(f"spacy_globalpointer.pipeline.{x}" for x in FACTORIES)]),
        "spacy_globalpointer.pipeline.global_pointer ['global_pointer']",
    ]


def test_without_torch_only_the_component_fails():
    out = run(
        "import sys, traceback\n"
        "sys.modules['torch'] = None\n"
        "import spacy\n"
        "nlp = spacy.blank('en')\n"
        "nlp.add_pipe('sentencizer')\n"
        "assert [s.text for s in nlp('One. Two.').sents] == ['One.', 'Two.']\n"
        "import spacy_globalpointer.pipeline.factory\n"
        "assert spacy.registry.has('readers', 'spacy_globalpointer.SpanCorpus.v1')\n"
        "assert spacy.registry.has('scorers', 'spacy_globalpointer.span_scorer.v1')\n"
        "try:\n"
        "    nlp.add_pipe('global_pointer')\n"
        "except Exception:\n"
        "    print(traceback.format_exc())\n"
    )
    assert "ImportError: spacy-globalpointer needs a working PyTorch" in out
    assert "To fix: pip install torch" in out


def test_import_gives_no_warning():
    run("import spacy_globalpointer")
