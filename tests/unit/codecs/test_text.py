from livewidget.codecs.text import TextDecoder


def test_each_line_is_a_row_of_text_whatever_it_looks_like():
    decoded = TextDecoder().decode([b"1", b"2026-01-01", b"", "gr\u00fc\u00df".encode(), b"1"])
    assert decoded.columns["line"].decode().tolist() == ["1", "2026-01-01", "", "grüß", "1"]
    assert (decoded.rows, decoded.rejected) == (5, [])


def test_what_is_no_text_or_too_long_is_rejected_by_itself():
    decoded = TextDecoder(max_bytes=3).decode([b"a", b"\xff", b"long", b"b"])
    assert decoded.columns["line"].decode().tolist() == ["a", "b"]
    assert [(each.payload, each.reason) for each in decoded.rejected] == [
        (b"\xff", "not UTF-8: invalid start byte"),
        (b"lon", "a message of more than 3 bytes"),
    ]


def test_nothing_gives_no_column():
    assert TextDecoder().decode([b"\xff"]).columns == {}
