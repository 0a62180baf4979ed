"""Every block of the README runs, and its tables say what the code says."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import spacy
from samples import SENTENCES
from spacy.util import fix_random_seed, load_model_from_config, registry
from thinc.api import Config

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


def test_python_blocks_print_what_is_shown():
    fix_random_seed(0)
    scope, checked = {}, 0
    for (kind, code), (after, expected) in zip(BLOCKS, [*BLOCKS[1:], ("", "")], strict=True):
        if kind != "python":
            continue
        printed = StringIO()
        with redirect_stdout(printed):
            exec(compile(code, "README.md", "exec"), scope)
        if after == "text":
            assert printed.getvalue() == expected
            checked += 1
    assert checked == 2
    assert "PERSON" in scope["html"]


def test_config_blocks_fit_into_the_shipped_config():
    blocks = [code for kind, code in BLOCKS if kind == "ini"]
    assert len(blocks) == 3
    for block in blocks:
        config = Config().from_disk(ROOT / "configs" / "tok2vec.cfg", interpolate=False)
        # An excerpt leaves out the sections around it.
        around = {
            section.split(".")[0] for section in re.findall(r"^\[(\S+)\]", block, re.MULTILINE)
        }
        excerpt = "\n".join([f"[{section}]" for section in around] + [block])
        config = config.merge(Config().from_str(excerpt, interpolate=False))
        nlp = load_model_from_config(config, auto_fill=True, validate=True)
        assert "global_pointer" in nlp.pipe_names
        assert callable(registry.resolve(nlp.config["corpora"])["train"])
        if "spans_my_key_f" in block:
            weights = nlp.config["training"]["score_weights"]
            assert weights["spans_my_key_f"] > 0


def test_spacy_commands_run(tmp_path):
    """Convert, train and evaluate, word by word; only the number of steps is set."""
    for name in ("my_train.jsonl", "my_dev.jsonl"):
        with (tmp_path / name).open("w", encoding="utf8") as file:
            for text, spans in SENTENCES:
                places = [(text.index(span), len(span), label) for span, label in spans]
                rows = [{"start": s, "end": s + n, "label": label} for s, n, label in places]
                file.write(json.dumps({"text": text, "spans": rows}) + "\n")
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    lines = [line for kind, code in BLOCKS if kind == "bash" for line in code.splitlines()]
    commands = [shlex.split(line) for line in lines if line.startswith("spacy ")]
    assert [command[1] for command in commands] == ["global-pointer"] * 2 + ["train", "evaluate"]
    for command in commands:
        steps = "--training.max_steps 2 --training.eval_frequency 1".split()
        extra = steps if command[1] == "train" else []
        call = [sys.executable, "-m", *command, *extra]
        subprocess.run(call, cwd=tmp_path, check=True, timeout=120, capture_output=True)


def test_settings_table_is_that_of_the_factory():
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", README, flags=re.MULTILINE)
    nlp = spacy.blank("en")
    nlp.add_pipe("global_pointer")
    config = dict(nlp.get_pipe_config("global_pointer"))
    assert {name for name, _ in rows} == set(config) - {"factory"}
    for name, default in rows:
        value = config[name]
        if isinstance(value, dict):
            registered = next(value[key] for key in value if key.startswith("@"))
            assert default == registered
        else:
            assert json.loads(default) == value


@pytest.mark.parametrize("environment", [".venv", ".venv-test"])
def test_there_is_one_command_for_each_job(environment):
    """.ci/run takes the command of the tests from here."""
    lines = [
        line for line in README.splitlines() if line.startswith(f"python3 -m venv {environment} ")
    ]
    assert len(lines) == 1
    assert "-c constraints.txt" in lines[0]
