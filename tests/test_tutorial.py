"""The tutorial runs from top to bottom, in English and in Chinese, and what it says comes out."""

import re

import nbformat
import pytest
from nbclient import NotebookClient
from pages import ROOT, broken_links

PATH = ROOT / "docs" / "tutorial.ipynb"
# Of each half, before and after what was corrected.
SCORE = re.compile(r"(?:F1 before|F1 after|改正前的 F1|改正后的 F1)(?:: |：)(\d+\.\d)")


@pytest.fixture(scope="module")
def outputs():
    """What the cells show, in order: (kind, text)."""
    notebook = nbformat.read(PATH, as_version=4)
    NotebookClient(notebook, timeout=240, kernel_name="python3").execute()
    shown = []
    for output in (output for cell in notebook.cells for output in cell.get("outputs", ())):
        if output.output_type == "stream":
            shown.append((output.name, output.text))
        else:
            shown += sorted(output.data.items())
    return shown


# zmq and the kernel leave sockets and files to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_it_runs_and_learns(outputs):
    printed = "".join(text for kind, text in outputs if kind == "stdout")
    before, after, zh_before, zh_after = map(float, SCORE.findall(printed))
    assert 50 < before < after
    assert 50 < zh_before < zh_after
    assert "Wrote tuned" in printed


def test_it_draws_spans_and_heat_maps(outputs):
    frames = [text for kind, text in outputs if kind == "text/html"]
    assert all(frame.startswith("<iframe srcdoc=") for frame in frames)
    kinds = ["svg" if "&lt;svg" in frame else "page" for frame in frames]
    assert kinds == ["page", "page", "svg"] * 2
    assert all("机构" in frame for frame in frames[3:])


def test_it_is_committed_without_outputs():
    """They differ between machines, and a page that shows them is thirty times as long."""
    notebook = nbformat.read(PATH, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in cells)


def test_its_halves_are_one_lesson():
    """The same steps in the same order, and the second half needs only the first cell."""
    notebook = nbformat.read(PATH, as_version=4)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    second = next(i for i, source in enumerate(code) if "青石县" in source)
    commands = [
        re.findall(r"global-pointer (\w[\w-]*)|spacy (train)", "\n".join(part))
        for part in (code[1:second], code[second:])
    ]
    assert commands[0] == commands[1] != []


def test_its_links_resolve(tmp_path):
    notebook = nbformat.read(PATH, as_version=4)
    page = PATH.with_name("tutorial.md")  # only its folder counts
    text = "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    targets = re.findall(r"\]\(([^)#\s]+)", text)
    assert targets
    assert all((page.parent / target).exists() for target in targets)
    copy = tmp_path / "tutorial.md"
    copy.write_text(text, encoding="utf8")
    assert [target for target in broken_links(copy) if target.startswith("#")] == []
