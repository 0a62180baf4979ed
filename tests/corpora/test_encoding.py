import gzip
import zlib

import pytest

from spacy_globalpointer.corpora.encoding import advise_encoding


@pytest.mark.parametrize(
    ("data", "advice"),
    [
        ("李雷在北京大学读书，很高兴。".encode("gb18030"), "If it is Chinese: iconv -f GB18030"),
        ('{"text": "他在上海"}\n'.encode("gbk"), "If it is Chinese: iconv -f GB18030"),
        ("Un élève à l'école".encode("latin-1"), "iconv -f ENCODING"),
        ("Ein Mädchen aus Köln".encode("cp1252"), "iconv -f ENCODING"),
        ("“quoted”".encode("cp1252"), "iconv -f ENCODING"),
        ("Мама мыла раму вчера".encode("cp1251"), "iconv -f ENCODING"),
        ("text".encode("utf-16"), "It looks like UTF-16: iconv -f UTF-16"),
        ("text 北京".encode("utf-16-le"), "binary data, or UTF-16"),
        (gzip.compress(b"x", mtime=0), "gzip data: let its name end in .gz"),
        (zlib.compress(b"x"), "let its name end in .spacy"),
        (b"PK\x03\x04...", "a zip archive: unpack it"),
    ],
)
def test_advice_is_given_only_where_it_may_help(data, advice):
    assert advice in advise_encoding(data)
    assert ("GB18030" in advise_encoding(data)) == ("GB18030" in advice)
