"""What to do with a file that is not in UTF-8."""

import re

# A file that is no text at all is known by its first bytes.
MAGIC = {
    b"\x1f\x8b": "It looks like gzip data: let its name end in .gz",
    b"PK\x03\x04": "It looks like a zip archive: unpack it",
    b"x\x9c": "It looks like a .spacy file: let its name end in .spacy",
    b"x\xda": "It looks like a .spacy file: let its name end in .spacy",
    b"\xff\xfe": "It looks like UTF-16: iconv -f UTF-16 -t UTF-8",
    b"\xfe\xff": "It looks like UTF-16: iconv -f UTF-16 -t UTF-8",
}
HIGH = re.compile(rb"[\x80-\xff]+")
# Most signs of Chinese in GB18030 are two such bytes; some have a second one below.
PAIR = re.compile(rb"[\xa1-\xf7][\xa1-\xfe]")
MOSTLY = 0.8


def advise_encoding(data: bytes) -> str:
    """What may help.

    data: a part of the file with a byte that is not UTF-8, from the start if possible.
    """
    for magic, advice in MAGIC.items():
        if data.startswith(magic):
            return advice
    if b"\0" in data:
        return "It looks like binary data, or UTF-16: name a text file"
    if _may_be_chinese(data):
        return "If it is Chinese: iconv -f GB18030 -t UTF-8"
    return "Find out what it is in, and convert it: iconv -f ENCODING -t UTF-8"


def _may_be_chinese(data: bytes) -> bool:
    """Whether bytes beyond ASCII come in pairs, as in Chinese; letters with accents are alone."""
    runs = HIGH.findall(data)
    even = sum(len(run) for run in runs if len(run) % 2 == 0 and PAIR.fullmatch(run[:2]))
    return even >= MOSTLY * sum(map(len, runs)) > 0
