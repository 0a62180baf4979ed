"""Files of every format that is no JSON row: as they should be, and damaged."""

import gzip

import pytest
from file_samples import FILES, FOUND, NAMES, TEXT, read_sample, write_sample
from record_files import edges, mentions

from spacy_globalpointer.corpora import FORMATS, detect_format, read_records

WITH_RELATIONS = {"brat", "webanno", "pubtator", "bioc"}
each = pytest.mark.parametrize(("format", "name", "content"), FILES, ids=NAMES)


def read_or_name(folder, name, content, format):
    """The records of a file; none if there is an error, which names the file."""
    path = write_sample(folder, name, content)
    try:
        return list(read_records(path, format=format))
    except ValueError as error:
        return [] if str(error).startswith(str(path)) else pytest.fail(str(error))


@each
def test_the_format_is_found_and_the_document_read(tmp_path, format, name, content):
    (record,) = read_sample(tmp_path, name, content)
    assert detect_format(tmp_path / name) == format
    assert (record.text, mentions(record)) == (TEXT, FOUND)
    if format in WITH_RELATIONS:
        assert edges(record) == [("Ada", "Bob", "met")]
    assert record.source.startswith(str(tmp_path / name))
    assert list(read_records(tmp_path / name, format=format)) == [record]


def test_every_format_has_a_sample():
    formats = [*FORMATS]
    assert {format for format, _, _ in FILES} == {*formats[formats.index("bio") :]}


@each
def test_a_byte_order_mark_line_ends_and_compression_make_no_difference(
    tmp_path, format, name, content
):
    (record,) = read_sample(tmp_path, name, content)
    data = b"\xef\xbb\xbf" + content.replace("\n", "\r\n").encode()
    (same,) = read_sample(tmp_path, name, data)
    assert (same.text, same.spans, same.relations) == (record.text, record.spans, record.relations)
    (same,) = read_sample(tmp_path, f"{name}.gz", gzip.compress(data))
    assert (same.text, same.spans, same.relations) == (record.text, record.spans, record.relations)


@each
def test_a_file_that_is_cut_off_is_an_error_or_has_less(tmp_path, format, name, content):
    (whole,) = read_sample(tmp_path, name, content)
    for end in range(0, len(content), 3):
        records = read_or_name(tmp_path, name, content[:end], format)
        assert all(whole.text.startswith(record.text) for record in records)
        assert all(len(record.spans) <= len(whole.spans) for record in records)


@each
@pytest.mark.parametrize("encoding", ["latin-1", "gb18030", "utf-16"])
def test_another_encoding_is_named(tmp_path, format, name, content, encoding):
    data = content.replace("Ada", "Ädä").encode(encoding)
    with pytest.raises(ValueError, match=f"{name}: the file must be in UTF-8, was: byte 0x"):
        read_sample(tmp_path, name, data)
    with pytest.raises(ValueError, match="the file must be in UTF-8"):
        read_sample(tmp_path, name, data, format=format)


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_the_line_that_is_not_in_utf8_is_named(tmp_path, suffix):
    data = b"Ada B-PER\n\n" * 10_000 + b"\xc4da B-PER\n"
    with pytest.raises(ValueError, match=r"was: byte 0xc4 in line 20001\. Find out"):
        read_sample(tmp_path, f"x.conll{suffix}", gzip.compress(data) if suffix else data)


def test_the_encoding_of_a_text_of_brat_is_named(tmp_path):
    content = FILES[0][2]
    with pytest.raises(ValueError, match=r"x.txt: the file must be in UTF-8"):
        read_sample(tmp_path, "x.ann", content, TEXT.replace("met", "trääf").encode("latin-1"))


@each
def test_an_empty_file_has_no_document_or_is_an_error(tmp_path, format, name, content):
    if format == "brat":  # a text in which nothing is annotated
        (record,) = read_sample(tmp_path, name, "")
        assert (record.text, record.spans) == (TEXT, ())
        return
    with pytest.raises(ValueError, match=r"must hold documents, was: an empty file, .*leave it"):
        read_sample(tmp_path, name, "")
    assert read_or_name(tmp_path, name, "", format) == []


@each
def test_lines_of_10_mb_are_read(tmp_path, format, name, content):
    n = 10 * 2**20
    if name.endswith((".conll", ".conllup")) or "\tAda\tB-PER" in content:
        content = content.replace("met", "m" * n)
    elif format == "webanno":
        content = content.replace("Bob .", f"Bob {'.' * n}")
        content = content.replace("12-13\t.", f"12-{12 + n}\t{'.' * n}")
    else:
        content = content.replace("met Bob .", f"met Bob .{' word' * (n // 5)}")
    text = f"{TEXT}{' word' * (n // 5)}"
    (record,) = read_sample(tmp_path, name, content, text)
    assert mentions(record) == FOUND
    assert len(record.text) > n


@each
def test_a_number_of_thousands_of_digits_is_named(tmp_path, format, name, content):
    if format == "bio":
        return  # has none
    digits = "9" * 5000
    for old, new in {"8 11": f"8 {digits}", "8-11": f"8-{digits}", "8\t11": f"8\t{digits}"}.items():
        content = content.replace(old, new)
    content = content.replace(": 8", f": {digits}").replace('"8"', f'"{digits}"')
    with pytest.raises(ValueError, match=rf"{name}.*was: |{name}: the file must be valid JSON"):
        read_sample(tmp_path, name, content, format=format)


@each
def test_offsets_beyond_the_text_are_an_error(tmp_path, format, name, content):
    if format == "bio":
        return  # has none
    moved = {"8 11": "80 83", "8-11": "80-83", "8\t11": "80\t83", ": 8": ": 80", '"8"': '"80"'}
    for old, new in moved.items():
        content = content.replace(old, new)
    path = write_sample(tmp_path, name, content)
    with pytest.raises(
        ValueError, match=r"must give the mention|must lie in the text of a passage"
    ):
        list(read_records(path))
