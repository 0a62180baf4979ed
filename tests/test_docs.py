"""Every block of the pages in docs runs, and their links and quotes lead somewhere."""

import pytest
from pages import ROOT, fill_folder, run_page

DOCS = ROOT / "docs"
PAGES = ["usage", "api", "troubleshooting"]


# A head that has learned a few steps finds spans nearly everywhere.
@pytest.mark.filterwarnings("ignore:.*kept only the best:UserWarning")
# spaCy leaves files to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize("name", PAGES)
def test_blocks_run(name, tmp_path, tiny_bert):
    fill_folder(tmp_path)
    run_page(DOCS / f"{name}.md", tmp_path, tiny_bert)
