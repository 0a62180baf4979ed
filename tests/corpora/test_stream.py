import gzip
import io
import json
import sys
from types import SimpleNamespace

import pytest
import spacy
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from spacy_globalpointer.corpora import stream
from spacy_globalpointer.corpora.sources import STDIN, list_sources
from spacy_globalpointer.corpora.stream import read_entries, split_sources

LINES = [
    '{"id": 1, "text": "Ada", "spans": [1]}',
    "",
    '{"text": "北京", "more": {"a": [null, 1.5]}}',
    "no JSON",
    '{"text": "Rome"}',
]
FIELDS = [{"id": 1, "text": "Ada"}, {"text": "北京", "more": {"a": [None, 1.5]}}, {"text": "Rome"}]


def read(*paths, max_length=100, **options):
    return list(read_entries(list_sources(paths, **options), max_length=max_length))


def write(path, data):
    data = data if isinstance(data, bytes) else data.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.fixture(params=["a.jsonl", "a.jsonl.gz"])
def path(request, tmp_path):
    return write(tmp_path / request.param, "\n".join(LINES))


def make_docs():
    nlp = spacy.blank("en")
    docs = [nlp("Ada lives."), nlp("Rome"), Doc(nlp.vocab, words=["can't", "go"])]
    docs[0].user_data["meta"] = {"id": 5, "text": "other", "spans": []}
    docs[0].user_data["own"] = 1
    docs[0].spans["gold"] = [docs[0].char_span(0, 3, label="PER")]
    docs[1].cats = {"city": 1.0}
    return docs


@pytest.fixture
def doc_bin(tmp_path):
    DocBin(docs=make_docs(), store_user_data=True).to_disk(tmp_path / "a.spacy")
    return tmp_path / "a.spacy"


@pytest.mark.parametrize(
    ("row", "kept"),
    [
        ({"spans": [1], "relations": [2], "events": [3], "id": 4}, {"id": 4}),
        # These events and this answer are about no spans.
        ({"relations": [2], "events": 3}, {"meta": {"events": 3}}),
        ({"events": 3, "meta": {"a": 1}, "b": 2}, {"b": 2, "meta": {"a": 1, "events": 3}}),
        ({"answer": "reject", "meta": [1]}, {"meta": {"meta": [1], "answer": "reject"}}),
        ({"answer": "Ada", "meta": [1]}, {"answer": "Ada", "meta": [1]}),
    ],
)
def test_what_refers_to_spans_is_no_field(tmp_path, row, kept):
    (entry,) = read(write(tmp_path / "a.jsonl", json.dumps({"text": "Ada", **row})))
    assert (entry.fields, entry.user_data) == ({"text": "Ada", **kept}, {"meta": kept})
    doc = spacy.blank("en")("Ada")
    doc.user_data["meta"] = row
    DocBin(docs=[doc], store_user_data=True).to_disk(tmp_path / "a.spacy")
    (entry,) = read(tmp_path / "a.spacy")
    assert entry.fields == {"text": "Ada", **kept}


def test_json_lines_keep_their_fields(path):
    entries = read(path)
    good = [entry for entry in entries if entry.reason is None]
    assert [entry.fields for entry in good] == FIELDS
    assert [entry.document for entry in good] == ["Ada", "北京", "Rome"]
    assert [entry.line for entry in entries] == [1, 3, 4, 5]
    (bad,) = [entry for entry in entries if entry.reason]
    assert (bad.fields, bad.document) == ({"text": "no JSON"}, None)
    assert bad.reason.startswith("every line must be valid JSON, was: no JSON")


def test_files_that_begin_with_a_mark_may_be_joined(tmp_path):
    entries = read(write(tmp_path / "a.jsonl", b'\xef\xbb\xbf{"text": "Ada"}\n' * 2))
    assert [entry.document for entry in entries] == ["Ada", "Ada"]


def test_a_text_file_has_a_document_in_each_line(tmp_path):
    data = b"\xef\xbb\xbfone \x0b\xe2\x80\xa8two\r\n \t\n\r\nthree\rfour\n\nfive"
    entries = read(write(tmp_path / "a.txt", data))
    assert [entry.document for entry in entries] == ["one \x0b\u2028two", "three\rfour", "five"]
    assert [entry.line for entry in entries] == [1, 4, 6]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_no_line_of_utf16_is_a_text(tmp_path, encoding):
    """Most are valid UTF-8, with a zero in every other byte."""
    entries = read(write(tmp_path / "a.txt", "one\ntwo\nthree".encode(encoding)))
    assert [entry.document for entry in entries] == [None] * 3
    assert all("must be in UTF-8, was: byte" in entry.reason for entry in entries)
    assert all("UTF-16" in entry.reason for entry in entries)


def test_a_doc_is_read_with_all_that_it_has(doc_bin):
    entries = read(doc_bin)
    docs = [Doc(Vocab()).from_bytes(entry.document) for entry in entries]
    assert [[token.text for token in doc] for doc in docs] == [
        *(["Ada", "lives", "."], ["Rome"], ["can't", "go"])
    ]
    assert [(span.text, span.label_) for span in docs[0].spans["gold"]] == [("Ada", "PER")]
    assert docs[1].cats == {"city": 1.0}
    assert entries[0].fields == {"text": "Ada lives.", "id": 5}
    assert entries[0].user_data["own"] == 1
    assert [entry.line for entry in entries] == [1, 2, 3]


def test_shards_have_all_lines_in_order(path, doc_bin, tmp_path):
    text = write(tmp_path / "b.txt", "one\r\n\ntwo\nthree")
    sources = list_sources([text, path, doc_bin])
    (every,) = [shard for shard in split_sources(sources[1:2], 100)]
    assert [line.number for line in every.lines] == [1, 3, 4, 5]
    for most in (1, 2, 3):
        shards = list(split_sources(sources, most))
        assert [len(shard.lines) for shard in shards] == {
            1: [1] * 10,
            2: [2, 1, 2, 2, 2, 1],
            3: [3, 3, 1, 3],
        }[most]
        lines = [(shard.name, line) for shard in shards for line in shard.lines]
        if most == 1:
            whole = lines
        assert lines == whole
        assert {shard.kind for shard in shards} == {"txt", "jsonl", "spacy"}


def test_long_lines_end_a_shard(tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "SHARD_BYTES", 6)
    path = write(tmp_path / "a.txt", "one\ntwo\nthree hundred\n\nfour\n")
    shards = list(split_sources(list_sources([path])))
    assert [[line.content for line in shard.lines] for shard in shards] == [
        [b"one", b"two"],
        [b"three hundred"],
        [b"four"],
    ]


def test_the_sizes_of_shards_are_those_of_the_files(path, tmp_path):
    sources = list_sources([write(tmp_path / "b.txt", "one\ntwo\n"), path])
    sizes = [shard.size for shard in split_sources(sources, 1)]
    assert sizes[:2] == [4, 4]
    assert sum(sizes) == sum(source.size for source in sources)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"t": "a"}', '"text" must be a string, was: None'),
        (b'{"text": 5}', '"text" must be a string, was: 5'),
        (b'["text"]', "a record must be a JSON object"),
        (b'{"text": "a\xff"}', "a line must be in UTF-8, was: byte 0xff at 11."),
        (b'{"text": "a"', "every line must be valid JSON"),
        (b'{"text": ' + b"[" * 100_000, "every line must be valid JSON"),
        (b'{"text": "a", "n": ' + b"1" * 5000 + b"}", "every line must be valid JSON"),
        (b'{"text": "\\udc80"}', "text must be valid Unicode, was: half a character"),
        (b'{"text": "a", "\\udc80": 1}', "a key must be valid Unicode, was: half a character"),
        (b'{"text": "' + b"x" * 101 + b'"}', "a text must have at most 100 characters"),
    ],
)
def test_bad_lines_have_a_reason_and_the_next_line_is_read(tmp_path, line, reason):
    bad, good = read(write(tmp_path / "a.jsonl", line + b'\n{"text": "ok"}\n'))
    assert bad.reason.startswith(reason)
    assert bad.document is None
    assert bad.fields["text"] == line.decode("utf-8", "backslashreplace")
    assert (good.document, good.line) == ("ok", 2)


def test_a_text_of_the_greatest_length_is_read(tmp_path):
    good, bad = read(write(tmp_path / "a.txt", "字" * 100 + "\n" + "字" * 101))
    assert good.document == "字" * 100
    assert bad.reason.startswith("a text must have at most 100 characters (nlp.max_length), was: 1")


def test_a_line_without_end_is_skipped_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(stream, "LONGEST_LINE", 1200)
    data = b"x" * 1201 + b"\nok\n" + b"y" * 5000 + b"\n" + b"z" * 1200 + b"\nend"
    for name in ("a.txt", "a.txt.gz"):
        entries = read(write(tmp_path / name, data), max_length=50)
        assert [entry.document for entry in entries] == [None, "ok", None, None, "end"]
        reasons = [entry.reason and entry.reason.split(",")[0] for entry in entries]
        long = "a line must have at most 1200 bytes"
        assert reasons == [
            long,
            None,
            long,
            "a text must have at most 50 characters (nlp.max_length)",
            None,
        ]
        assert entries[2].fields["text"] == "y" * 1000


@pytest.mark.parametrize("cut", [5, 60, -4])
def test_a_cut_gz_file_is_read_as_far_as_it_goes(tmp_path, cut):
    lines = [f"line {number} of the file {number * 7919 % 1009}" for number in range(50)]
    path = write(tmp_path / "a.txt.gz", "\n".join(lines) + "\n")
    path.write_bytes(path.read_bytes()[:cut])
    other = write(tmp_path / "b.txt", "next")
    *entries, bad, last = read(path, other)
    assert [entry.document for entry in entries] == lines[: len(entries)]
    assert bad.reason.startswith(
        "from here on the file cannot be read: a file named .gz must be complete gzip data"
    )
    assert bad.line == len(entries) + 1
    assert last.document == "next"


def test_a_file_that_is_no_gz(tmp_path):
    path = tmp_path / "a.txt.gz"
    path.write_text("plain")
    (bad,) = read(path)
    assert "must be complete gzip data" in bad.reason


@pytest.mark.parametrize("data", [b"", b"nothing", gzip.compress(b"x", mtime=0)])
def test_a_broken_docbin_is_one_bad_entry(tmp_path, data):
    (tmp_path / "a.spacy").write_bytes(data)
    (bad,) = read(tmp_path / "a.spacy")
    assert bad.reason.startswith(
        "from here on the file cannot be read: a .spacy file must be a complete DocBin, but "
    )


def test_a_cut_docbin_is_one_bad_entry(doc_bin):
    doc_bin.write_bytes(doc_bin.read_bytes()[:-5])
    (bad,) = read(doc_bin)
    assert bad.reason.startswith(
        "from here on the file cannot be read: a .spacy file must be a complete DocBin, but "
    )


def test_a_doc_that_is_too_long(doc_bin):
    bad, *good = read(doc_bin, max_length=8)
    assert (bad.fields["text"], bad.line, len(good)) == ("Ada lives.", 1, 2)


@pytest.mark.parametrize(
    ("format", "data", "texts"),
    [
        ("auto", b'\n {"text": "a"}\n{"text": "b"}', ["a", "b"]),
        ("auto", b'\nplain\n{"text": "b"}', ["plain", '{"text": "b"}']),
        ("txt", b'{"text": "a"}', ['{"text": "a"}']),
        ("jsonl", b"plain", [None]),
    ],
)
def test_standard_input(monkeypatch, format, data, texts):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))
    assert [entry.document for entry in read(STDIN, format=format)] == texts


def test_an_empty_file_has_no_entries(tmp_path):
    assert read(write(tmp_path / "a.txt", "\n\n"), write(tmp_path / "b.jsonl", "")) == []
