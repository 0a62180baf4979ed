"""Every block of the README runs, and its two commands are those of CI."""

import re

import pytest
from pages import ROOT, broken_links, fill_folder, read_blocks, run_page

PAGE = ROOT / "README.md"
README = PAGE.read_text(encoding="utf8")


# A head that has learned a few steps finds spans nearly everywhere.
@pytest.mark.filterwarnings("ignore:.*kept only the best:UserWarning")
def test_blocks_run(tmp_path):
    """Word by word; only training gets fewer steps."""
    blocks = read_blocks(PAGE)
    kinds = [block.kind for block in blocks]
    assert kinds.count("text") == 1
    lines = [line for kind, code, _ in blocks if kind == "bash" for line in code.splitlines()]
    commands = [line.split()[1] for line in lines if line.startswith("spacy ")]
    ours = "global-pointer"
    assert commands == [ours] * 4 + ["train", ours, "evaluate"]
    fill_folder(tmp_path)
    assert len(run_page(PAGE, tmp_path)["doc"].spans["sc"]) == 4


def test_links_resolve():
    assert broken_links(PAGE) == []


def test_pictures_are_there_and_small():
    names = re.findall(r"!\[[^]]+\]\(([^)]+)\)|(?:src|srcset)=\"([^\"]+)\"", README)
    paths = {ROOT / (name or other) for name, other in names}
    pictures = set((ROOT / "docs" / "pictures").iterdir())
    assert pictures <= paths, "a picture that the page does not show"
    assert all(path.is_file() for path in paths)
    assert all(path.stat().st_size < 150_000 for path in pictures)


def test_it_is_short():
    assert len(README.splitlines()) <= 200


def test_there_is_one_command_for_each_job_in_one_line():
    lines = [line for line in README.splitlines() if line.startswith("python3 -m venv ")]
    assert [line.split()[3] for line in lines] == [".venv", ".venv-test"]
    assert all("-c constraints.txt" in line for line in lines)


def test_ci_runs_the_command_of_the_tests():
    (command,) = re.findall(r"^python3 -m venv \.venv-test .*$", README, re.MULTILINE)
    script = (ROOT / ".ci" / "run").read_text(encoding="utf8")
    (install,) = re.findall(r"^python3 -m venv .*$", script, re.MULTILINE)
    (tests,) = re.findall(r"^test_command='(.*)'$", script, re.MULTILINE)
    assert f"{install} && {tests}" == command
    # At the end, but for the result of what ran beside the tests.
    assert re.search(r"^\$test_command\n+wait \$sample .*\n\Z", script, re.MULTILINE)
