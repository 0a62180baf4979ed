"""Fixtures that several test files use."""

import contextlib
import os
import sys
import warnings
from pathlib import Path

import pytest
from hypothesis import settings

# For `benchmarks`. At the end: the package is the one that was installed, not this folder.
sys.path.append(str(Path(__file__).parents[1]))

# Read when huggingface_hub is imported. No test may reach for the network.
os.environ["HF_HUB_OFFLINE"] = "1"
# Read when torch is imported. Tests run side by side, one a core.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# spaCy imports every installed component. This one calls, when imported, what torch deprecates:
# done here, it is no error in whichever test would have come first.
with warnings.catch_warnings(), contextlib.suppress(ImportError):
    warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", DeprecationWarning)
    import spacy_curated_transformers.pipeline.transformer  # noqa: F401

# Tests are repeatable, and a slow machine is no failure. The nightly run tries new cases each time
# (tests/fuzzing.py says how many), and prints how to repeat one that failed.
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=False, max_examples=40)
settings.register_profile("nightly", deadline=None, print_blob=True, max_examples=200)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(autouse=True)
def seed() -> None:
    """What a test learns does not depend on the tests before it."""
    from spacy.util import fix_random_seed

    fix_random_seed(0)


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Directory of a BERT with random weights, 2 layers of width 32, that spells every word."""
    from samples import write_tiny_bert

    directory = tmp_path_factory.mktemp("tiny_bert")
    write_tiny_bert(directory)
    return str(directory)


# Trained pipelines for commands: folders with "model" and "dev.spacy", only to be read.


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a pipeline that has learned the sample sentences by heart."""
    from samples import make_examples, make_nlp, train
    from spacy.util import fix_random_seed

    fix_random_seed(0)  # `seed` comes after fixtures of a session
    nlp = make_nlp()
    train(nlp, make_examples(nlp), steps=60)
    directory = tmp_path_factory.mktemp("model")
    nlp.to_disk(directory)
    return str(directory)


@pytest.fixture(scope="session")
def noisy_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from noisy import make_noisy_folder

    return make_noisy_folder(tmp_path_factory.mktemp("noisy"))


@pytest.fixture(scope="session")
def second_look_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from noisy import make_noisy_folder

    return make_noisy_folder(tmp_path_factory.mktemp("second_look"), rescorer={})


@pytest.fixture(scope="session")
def related_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from noisy_relations import make_related_folder

    return make_related_folder(tmp_path_factory.mktemp("related"))
