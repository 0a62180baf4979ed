import gzip
import json

import pytest

from spacy_globalpointer.corpora import FORMATS, Reading, detect_format, read_records

JSONL = '{"text": "Ada", "spans": [{"start": 0, "end": 3, "label": "P"}]}\n'
CLUENER = '{"text": "李雷", "label": {"name": {"李雷": [[0, 1]]}}}\n'
FEVER = {"start_idx": 0, "end_idx": 1, "type": "sym", "entity": "发热"}
CMEEE = json.dumps([{"text": "发热", "entities": [FEVER]}], ensure_ascii=False, indent=2)
SAMPLES = [
    (JSONL, "jsonl"),
    ("\n\n" + JSONL, "jsonl"),
    ("\ufeff" + JSONL, "jsonl"),
    ('{"tokens": ["a"]}', "jsonl"),
    ('{"text": "a", "label": "B"}', "jsonl"),
    (CLUENER, "cluener"),
    (CMEEE, "cmeee"),
    (CMEEE.replace("\n", ""), "cmeee"),
    ("[]", "jsonl"),
    ("[" + JSONL + "]", "jsonl"),
    ('[\n  {\n    "text": "a",\n    "entities": [[0, 1, "X"]]}]', "doccano"),
    ('[["a", {"entities": [[0, 1, "X"]]}]]', "spacy2"),
    ('["a", {"entities": [[0, 1, "X"]]}]\n["b", {}]', "spacy2"),
    ("# text = Ada\n# id = 1\nAda B-PER\n", "bio"),
    ("# O\n1 O\n", "bio"),
    ('[" O\n', "bio"),
    ("Ada B-PER\n", "bio"),
    ("[ O\n1 O\n] O\n", "bio"),
    ("{ O\n", "bio"),
    ("Ada\tB-PER\tO\n", "bio"),
    ("-DOCSTART- -X- O\n\nAda B-PER\n", "bio"),
    ("李 M-PER\n", "bio"),
]


@pytest.mark.parametrize(("content", "format"), SAMPLES)
def test_the_content_tells_the_format(tmp_path, content, format):
    path = tmp_path / "data.txt"
    path.write_text(content, encoding="utf-8")
    assert detect_format(path) == format


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_file_is_an_error(tmp_path, content):
    path = tmp_path / "data.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"data.txt: a file must hold documents, was: an empty"):
        detect_format(path)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("content", [JSONL, "Ada B-PER\n"])
def test_utf16_without_a_mark_is_named(tmp_path, content, encoding):
    path = tmp_path / "data.txt"
    path.write_bytes(content.encode(encoding))
    with pytest.raises(ValueError, match=r"data.txt: the file must be in UTF-8.*or UTF-16"):
        detect_format(path)


@pytest.mark.parametrize("content", [JSONL, "Ada B-PER\n\n"])
def test_files_that_begin_with_a_mark_may_be_joined(tmp_path, content):
    """As `cat` and `copy` do."""
    path = tmp_path / "data.txt"
    path.write_text(f"\ufeff{content}" * 2, encoding="utf-8")
    first, second = read_records(path)
    assert (first.text, first.spans) == (second.text, second.spans) == ("Ada", first.spans)


@pytest.mark.parametrize("content", ["Ada was born in London.\n", "Ada NNP\n", "[1, 2]"])
def test_an_unknown_format_is_an_error(tmp_path, content):
    path = tmp_path / "data.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"data.txt: the first line must show a format .*--format"):
        detect_format(path)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize(
    ("content", "format"), [*SAMPLES[:1], *SAMPLES[5:7], SAMPLES[9], ("Ada B-PER\n", "bio")]
)
def test_records_of_plain_and_compressed_files_are_the_same(tmp_path, content, format, suffix):
    path = tmp_path / f"data{suffix}"
    data = content.encode("utf-8")
    path.write_bytes(gzip.compress(data) if suffix else data)
    (record,) = read_records(path)
    (same,) = read_records(path, format=format)
    assert record == same
    assert record.text in ("Ada", "李雷", "发热")
    assert record.source.startswith(str(path))


def test_the_joiner_reaches_formats_without_text(tmp_path):
    path = tmp_path / "data.bio"
    path.write_text("北 B-X\n京 I-X\n", encoding="utf-8")
    assert [record.text for record in read_records(path)] == ["北 京"]
    assert [record.text for record in read_records(path, reading=Reading(""))] == ["北京"]


def test_a_wrong_format_name_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=f"auto or one of {', '.join(FORMATS)}, was: 'conll'"):
        list(read_records(tmp_path / "x", format="conll"))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        (
            "x.jsonl",
            '{"text": "北京"}'.encode("gbk"),
            "was: byte 0xb1 in line 1. If it is Chinese: iconv",
        ),
        (
            "x.jsonl",
            '{"text": "élève"}'.encode("latin-1"),
            "was: byte 0xe9 in line 1. Find out what it is",
        ),
        ("x.jsonl.gz", b"no gzip", "must be complete gzip data"),
        # The time in the name of a test would not be the same in all workers.
        ("x.jsonl.gz", gzip.compress(JSONL.encode(), mtime=0)[:-9], "must be complete gzip data"),
    ],
)
def test_an_unreadable_file_is_named(tmp_path, name, data, message):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"{name}: .*{message}"):
        list(read_records(path, format="jsonl"))
