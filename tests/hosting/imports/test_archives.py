"""Archives of chats: within their limits, or refused by name."""

import io
import random
import struct
import zipfile

import pytest

from hosting.imports.formats import archives
from hosting.imports.formats.errors import BadArchive


def zipped(entries, method=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return out.getvalue()


def look(raw):
    with archives.open_archive(io.BytesIO(raw)) as archive:
        for name in archive.entries:
            with archive.reading(name) as member:
                while member.read():
                    pass
        return list(archive.entries)


def patched(raw, at, data):
    return raw[:at] + data + raw[at + len(data) :]


def linked():
    entry = zipfile.ZipInfo("chat.txt")
    entry.external_attr = 0o120777 << 16
    return zipped([(entry, "/etc/passwd")])


def encrypted():
    raw = zipped([("chat.txt", "x")])
    return patched(raw, raw.rfind(b"PK\x01\x02") + 8, struct.pack("<H", 1))


def lying_size():
    raw = zipped([("chat.txt", "x" * 5000)])
    return patched(raw, raw.rfind(b"PK\x01\x02") + 24, struct.pack("<L", 50))


def wrong_sum():
    raw = zipped([("chat.txt", "x" * 5000)])
    return patched(raw, raw.rfind(b"PK\x01\x02") + 16, b"abcd")


def overlapping():
    raw = zipped([("a.txt", "x" * 300), ("b.txt", "y" * 300)], zipfile.ZIP_STORED)
    return patched(raw, raw.rfind(b"PK\x01\x02") + 42, struct.pack("<L", 10))


def twice():
    with pytest.warns(UserWarning, match="Duplicate name"):
        return zipped([("chat.txt", "a"), ("chat.txt", "b")])


def claims_many():
    raw = zipped([("chat.txt", "x")])
    return patched(raw, raw.rfind(b"PK\x05\x06") + 10, struct.pack("<H", 60_000))


BAD = {
    "outside, by dots": (
        lambda: zipped([("../../x", "a")]),
        "names a file outside itself: '../../x'",
    ),
    "outside, by root": (lambda: zipped([("/etc/x", "a")]), "names a file outside itself"),
    "outside, by drive": (lambda: zipped([("C:/x", "a")]), "names a file outside itself"),
    "a link": (linked, "is a link or device"),
    "encrypted": (encrypted, "'chat.txt' in the archive is encrypted"),
    "the same name twice": (twice, "holds 'chat.txt' twice"),
    "a bomb": (
        lambda: zipped([("chat.txt", b"\0" * 30_000_000)]),
        "packed more than 100 to 1, which is the limit",
    ),
    "many files": (
        lambda: zipped([(f"{n}", "") for n in range(5001)]),
        "has 5,001 or more files; the limit is 5,000",
    ),
    "says many files": (claims_many, "has 60,000 or more files; the limit is 5,000"),
    "a size that is a lie": (lying_size, "'chat.txt' in the archive is damaged"),
    "a wrong sum": (wrong_sum, "'chat.txt' in the archive is damaged: BadZipFile"),
    "overlapping files": (overlapping, "overlaps another file"),
    "another packing": (
        lambda: zipped([("chat.txt", "x")], zipfile.ZIP_LZMA),
        "packed in a way that is not taken",
    ),
    "cut off": (
        lambda: zipped([("chat.txt", random.Random(1).randbytes(9000))])[:5000],
        "has no end",
    ),
}


@pytest.mark.parametrize("case", list(BAD))
def test_an_archive_outside_its_limits_is_refused_by_name(case):
    make, message = BAD[case]
    with pytest.raises(BadArchive) as refused:
        look(make())
    assert message in refused.value.message


def test_the_bytes_that_come_out_are_counted():
    raw = io.BytesIO(zipped([("a.txt", "x" * 2500), ("b.txt", "y" * 2500)]))
    with archives.open_archive(raw) as archive:
        archive.left = 4000
        with archive.reading("a.txt") as member:
            assert len(member.read()) == 2500
        with (
            pytest.raises(BadArchive, match="is larger than the limit of"),
            archive.reading("b.txt") as member,
        ):
            member.read()


def test_a_good_archive_is_read():
    inner = zipped([("42.txt", "x")])
    assert look(zipped([("_chat.txt", "hello"), ("inner.zip", inner), ("ä/ö.jpg", "x")])) == [
        "_chat.txt", "inner.zip", "ä/ö.jpg",
    ]  # fmt: skip
