"""`convert` on files of every format, damaged anywhere: an error that tells, or a clean count."""

import gzip
import io
import time
import zlib

import pyarrow
import pyarrow.parquet
import pytest
import spacy
from file_samples import TEXT
from fuzz_seeds import list_seeds, rows_of
from fuzzing import cases, damaged, refuse_unclear
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import DocBin

from spacy_globalpointer.commands import convert as command
from spacy_globalpointer.corpora import FORMATS

TEXT_BYTES = TEXT.encode()
NLP = spacy.blank("en")
SEEDS = list_seeds()
# Seconds of the processor for a file of a few lines, on any machine.
LONGEST = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "make_blank", lambda lang: NLP)
        yield tmp_path_factory.mktemp("fuzz")


def convert(folder, name, data, text=TEXT_BYTES, **options):
    """What `convert` says of a file; None if it refuses it with a message that tells."""
    path, output = folder / name, folder / "out.spacy"
    path.write_bytes(data)
    if ".ann" in name:
        (folder / name.replace(".ann", ".txt")).write_bytes(text)
    output.unlink(missing_ok=True)
    before = time.process_time()
    try:
        report = command.convert([path], output, **options)
    except (ValueError, OSError, ImportError) as error:
        refuse_unclear(error, str(path), str(path.with_suffix(".txt")))
        assert not output.exists()
        return None
    finally:
        assert time.process_time() - before < LONGEST
    docs = list(DocBin().from_disk(output).get_docs(NLP.vocab))
    check_counts(report, docs)
    return report


def check_counts(report, docs):
    """What is counted as kept is in the documents, and nothing else."""
    assert report.n_docs == len(docs)
    kept = sum(report.count(outcome) for outcome in ("kept", "trimmed", "expanded"))
    assert sum(len(doc.spans.get("sc", ())) for doc in docs) == kept
    for key, found, outcomes in (
        ("relations", report.relations, ["kept"]),
        ("events", report.events, ["kept", "reduced"]),
    ):
        n_kept = sum(n for (_, outcome), n in found.items() if outcome in outcomes)
        assert sum(len(doc.spans[key].attrs[key]) for doc in docs if key in doc.spans) == n_kept


def test_every_format_has_a_seed_that_is_read(folder):
    assert {format for format, *_ in SEEDS} == {*FORMATS}
    for format, name, data in SEEDS:
        for own in ("auto", format):
            report = convert(folder, name, data, format=own)
            assert report.formats.total() == 1, (format, name)
            assert report.outcomes.total() >= 2 or format == "spacy"


@cases(6000)
@given(st.data())
def test_damaged_files(folder, data):
    format, name, content = data.draw(st.sampled_from(SEEDS))
    content = data.draw(damaged(content))
    text = data.draw(st.just(TEXT_BYTES) | damaged(TEXT_BYTES)) if format == "brat" else b""
    convert(folder, name, content, text, format=data.draw(st.sampled_from(["auto", format])))


@cases(1500)
@given(st.data())
def test_damaged_gzip(folder, data):
    format, name, content = data.draw(st.sampled_from([s for s in SEEDS if s[0] != "spacy"]))
    packed = gzip.compress(content, mtime=0)
    convert(folder, f"{name}.gz", data.draw(damaged(packed)), format=format)


@cases(1000)
@given(st.data())
def test_other_encodings(folder, data):
    format, name, content = data.draw(st.sampled_from([s for s in SEEDS if s[0] != "spacy"]))
    names = ["utf-16", "utf-16-be", "utf-32", "latin-1", "gb18030", "shift_jis", "cp037", "utf-7"]
    word = data.draw(st.sampled_from(["Ada", "Ädä", "北京", "é"]))
    text = content.decode().replace("Ada", word)
    content = text.encode(data.draw(st.sampled_from(names)), "replace")
    convert(folder, name, content, format=data.draw(st.sampled_from(["auto", format])))


@cases(1500)
@given(st.data())
def test_damaged_docbins(folder, data):
    """Below the compression, whose checksum would find the damage."""
    (content,) = (zlib.decompress(content) for format, _, content in SEEDS if format == "spacy")
    convert(folder, "x.spacy", zlib.compress(data.draw(damaged(content)), 1))


@cases(500)
@given(st.data())
def test_damaged_parquet(folder, data):
    file = io.BytesIO()
    row = data.draw(st.sampled_from([rows_of(x)[-1] for x in ("jsonl", "hugging-face", "doccano")]))
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row, row]), file)
    convert(folder, "x.parquet", data.draw(damaged(file.getvalue())))


@cases(1500)
@given(st.data())
def test_a_file_that_is_read_as_another_format(folder, data):
    _, name, content = data.draw(st.sampled_from(SEEDS))
    convert(folder, name, content, format=data.draw(st.sampled_from([*FORMATS])))
