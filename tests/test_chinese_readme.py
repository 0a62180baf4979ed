"""README.zh.md is README.md in Chinese: the same parts, code, tables and pictures."""

import re

import pytest
from pages import FENCE, ROOT, broken_links, read_blocks

from benchmarks.markdown import BLOCK

ENGLISH, CHINESE = ROOT / "README.md", ROOT / "README.zh.md"
BOTH = {path: path.read_text(encoding="utf8") for path in (ENGLISH, CHINESE)}
CODE = re.compile(r"`([^`\n]+)`")


def bare(text):
    """A page without its blocks and without the tables of benchmarks."""
    return BLOCK.sub("", FENCE.sub("", text))


def list_parts(text):
    """What a page is made of, in order: levels of headings, blocks, lists, tables, pictures."""
    kinds = {
        r"(#+) .*": lambda m: m[1],
        r"<!-- BENCH (\w+) -->": lambda m: m[1],
        r"```(\w*)": lambda m: m[1],
        r"\| .*": lambda m: "row",
        r"- .*": lambda m: "item",
        r"    \S.*": lambda m: "indented",
        r"<picture>.*|!\[.*": lambda m: "picture",
    }
    found = []
    for line in text.splitlines():
        for pattern, name in kinds.items():
            if match := re.fullmatch(pattern, line):
                found.append(name(match))
    return found


@pytest.mark.parametrize(
    "list_them",
    [
        list_parts,
        lambda text: [match[0] for match in BLOCK.finditer(text)],
        lambda text: re.findall(r"(?:src|srcset)=\"([^\"]+)\"|!\[[^]]+\]\(([^)]+)\)", text),
        # But for the links to each other.
        lambda text: re.findall(r"(?<!!)\[[^\]]*\]\((?!README)([^)\s]+)\)", bare(text)),
        lambda text: sorted(re.findall(r"arXiv \d+\.\d+", text)),
        lambda text: sorted(set(CODE.findall(bare(text)))),
    ],
    ids=["parts", "tables", "pictures", "links", "sources", "names"],
)
def test_both_have_the_same(list_them):
    english, chinese = (list_them(text) for text in BOTH.values())
    assert english
    assert chinese == english


def test_the_blocks_are_the_same():
    blocks = [[(kind, code) for kind, code, _ in read_blocks(path)] for path in BOTH]
    assert blocks[0] == blocks[1]


def test_numbers_are_the_same():
    """Of running text, such as steps and shares; small ones may be words in both."""
    english, chinese = (
        sorted(re.findall(r"\d[\d,.]*\d|\d", CODE.sub("", bare(t)))) for t in BOTH.values()
    )
    assert chinese == english


def test_links_resolve():
    assert broken_links(CHINESE) == []


def test_it_is_chinese():
    paragraphs = [p for p in bare(BOTH[CHINESE]).split("\n\n") if p.strip()]
    texts = [p for p in paragraphs if not p.lstrip().startswith(("    ", "- ", "<picture", "!["))]
    bad = [p for p in texts if not re.search("[\u4e00-\u9fff]", p) and "# spacy-" not in p]
    assert bad == []
