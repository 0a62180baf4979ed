"""What several commands take."""

import pytest
from spacy.cli._util import app as spacy_app
from typer.testing import CliRunner

from spacy_globalpointer.commands import inputs
from spacy_globalpointer.commands.inputs import use_gpu


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "model", "dev.spacy"],
        ["tune", "model", "dev.spacy", "--output", "tuned"],
        ["render", "model", "dev.spacy", "--output", "page.html"],
        ["annotate", "model", "texts.jsonl", "out.jsonl"],
    ],
    ids=lambda arguments: arguments[0],
)
@pytest.mark.parametrize(
    "error",
    [
        ValueError("Cannot use GPU, CuPy is not installed"),
        AssertionError("Torch not compiled with CUDA enabled"),
        RuntimeError("cudaErrorInvalidDevice: invalid device ordinal"),
    ],
    ids=["cupy", "torch", "number"],
)
def test_a_gpu_that_cannot_be_used_is_an_error(arguments, error, monkeypatch, tmp_path):
    def fail(*args, **options):
        raise error

    monkeypatch.setattr(inputs, "setup_gpu", fail)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(spacy_app, ["global-pointer", *arguments, "--gpu-id", "3"])
    assert isinstance(result.exception, SystemExit)
    out = " ".join(result.output.split())
    assert result.exit_code == 1
    assert (
        f"must be the number of a GPU that can be used, or -1 for the CPU, was: 3: {error}" in out
    )
    assert "To fix: leave it out; or for a GPU install" in out
    assert "Using GPU" not in out
    assert list(tmp_path.iterdir()) == []


def test_the_cpu_can_always_be_used(capsys):
    use_gpu(-1, silent=False)
    assert capsys.readouterr().out == ""
