"""Every block of the README runs, and its tables say what the code says."""

import json
import re

import pytest
import spacy
from pages import ROOT, broken_links, fill_folder, read_blocks, run_page

PAGE = ROOT / "README.md"
README = PAGE.read_text(encoding="utf8")


# A head that has learned a few steps finds spans nearly everywhere.
@pytest.mark.filterwarnings("ignore:.*kept only the best:UserWarning")
def test_blocks_run(tmp_path):
    """Word by word; only training gets fewer steps."""
    blocks = read_blocks(PAGE)
    kinds = [block.kind for block in blocks]
    assert kinds.count("text") == 2
    assert kinds.count("ini") == 3
    lines = [line for kind, code, _ in blocks if kind == "bash" for line in code.splitlines()]
    commands = [line.split()[1] for line in lines if line.startswith("spacy ")]
    ours = "global-pointer"
    assert commands == [ours] * 4 + ["train", ours, "evaluate", "project"]
    fill_folder(tmp_path)
    assert "PERSON" in run_page(PAGE, tmp_path)["html"]


def test_links_resolve():
    assert broken_links(PAGE) == []


def test_pictures_are_there_and_small():
    names = re.findall(r"!\[[^]]+\]\(([^)]+)\)|(?:src|srcset)=\"([^\"]+)\"", README)
    paths = {ROOT / (name or other) for name, other in names}
    pictures = set((ROOT / "docs" / "pictures").iterdir())
    assert pictures <= paths, "a picture that the page does not show"
    assert all(path.is_file() for path in paths)
    assert all(path.stat().st_size < 150_000 for path in pictures)


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
