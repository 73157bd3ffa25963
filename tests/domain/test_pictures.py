"""What is noticed in a picture, and how the place where it was taken is taken out of it."""

import io
import struct
import zlib

import pytest
from PIL import Image

from cmmc_tracker.domain.examination.pictures import exif_of
from tests.conftest import png
from tests.domain.samples import GPS, look, picture, said, taken_out, zipped

KINDS = [("a.jpg", "JPEG"), ("a.png", "PNG"), ("a.webp", "WEBP")]


def pixels(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as image:
        return image.convert("RGB").tobytes()


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_a_picture_that_says_where_it_was_taken_is_named(name: str, kind: str) -> None:
    assert "where it was taken" in said(name, picture(kind))
    assert look(name, picture(kind, located=False)) == ()


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_the_location_is_taken_out_without_touching_the_picture_or_its_direction(name: str, kind: str) -> None:
    content = picture(kind, turned=6)
    bare = taken_out(name, content)
    assert bare is not None
    assert look(name, bare) == ()
    assert b"A camera" not in bare
    assert pixels(bare) == pixels(content)
    with Image.open(io.BytesIO(bare)) as image:
        assert dict(image.getexif()) == {0x0112: 6}
        assert image.getexif().get_ifd(0x8825) == {}


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_a_picture_without_data_about_it_stays_as_it_is(name: str, kind: str) -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "navy").save(file, kind)
    assert taken_out(name, file.getvalue()) is None


def test_other_data_about_a_jpeg_goes_and_its_colours_stay() -> None:
    profile = b"\xff\xe2" + struct.pack(">H", 18) + b"ICC_PROFILE\0\1\1xy"
    iptc = b"\xff\xed" + struct.pack(">H", 16) + b"Photoshop 3.0\0"
    more = b"\xff\xe2" + struct.pack(">H", 8) + b"MPF\0xx"
    plain = picture("JPEG", located=False)
    content = plain[:2] + profile + iptc + more + plain[2:] + b"a second picture with its own place"
    bare = taken_out("a.jpg", content)
    assert bare is not None
    assert profile in bare
    assert b"Photoshop" not in bare
    assert b"MPF" not in bare
    assert bare.endswith(b"\xff\xd9")
    assert pixels(bare) == pixels(plain)


def test_a_jpeg_of_several_scans_is_kept_whole() -> None:
    content = picture("JPEG", progressive=True, quality=95)
    bare = taken_out("a.jpg", content)
    assert bare is not None
    assert pixels(bare) == pixels(content)
    assert len(content) - len(bare) < 400


def test_places_in_xmp_and_text_of_pictures_are_named_and_taken_out() -> None:
    xmp = b'<x:xmpmeta exif:GPSLatitude="50,3.1N"/>'
    segment = b"http://ns.adobe.com/xap/1.0/\0" + xmp
    plain = picture("JPEG", located=False)
    jpeg = plain[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + plain[2:]
    text = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(xmp)
    chunk = struct.pack(">I", len(text)) + b"iTXt" + text + struct.pack(">I", zlib.crc32(b"iTXt" + text))
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "navy").save(file, "PNG")
    for name, content in (("a.jpg", jpeg), ("a.png", file.getvalue()[:33] + chunk + file.getvalue()[33:])):
        assert "where it was taken" in said(name, content)
        bare = taken_out(name, content)
        assert bare is not None
        assert look(name, bare) == ()
        assert pixels(bare) == pixels(content)


def test_a_place_in_an_old_profile_in_a_png_s_text_is_named() -> None:
    from PIL.PngImagePlugin import PngInfo

    exif = Image.Exif()
    exif[0x8825] = GPS
    block = exif.tobytes()
    for packed in (False, True):
        info = PngInfo()
        info.add_text("Raw profile type exif", f"\nexif\n{len(block):8d}\n{block.hex()}\n", zip=packed)
        file = io.BytesIO()
        Image.new("RGB", (8, 8), "navy").save(file, "PNG", pnginfo=info)
        assert "where it was taken" in said("a.png", file.getvalue())
        assert taken_out("a.png", file.getvalue()) is not None


def test_ordinary_text_in_a_png_stays() -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Title", "Firewall rules")
    content = picture("PNG", pnginfo=info)
    bare = taken_out("a.png", content)
    assert bare is not None
    assert b"Firewall rules" in bare


def test_a_webp_without_its_location_says_so_in_its_head() -> None:
    bare = taken_out("a.webp", picture("WEBP"))
    assert bare is not None
    assert struct.unpack("<I", bare[4:8])[0] == len(bare) - 8
    assert bare[12:16] == b"VP8X"
    assert bare[20] & 0x0C == 0


@pytest.mark.parametrize("name", ["a.gif", "a.pdf", "a.txt"])
def test_only_pictures_that_can_be_walked_are_changed(name: str) -> None:
    assert taken_out(name, b"GIF89a" + b"\0" * 50) is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.gif", b"GIF89a" + b"\0" * 30),
        ("a.png", png()),
        ("a.pdf", b"%PDF-1.4\n%%EOF\n"),
    ],
)
def test_a_file_that_is_an_archive_at_the_same_time_is_named(name: str, content: bytes) -> None:
    assert "ZIP archive at the same time" in said(name, content + zipped("evil.js"))


def test_what_stands_behind_a_picture_is_named() -> None:
    assert "behind the end" in said("a.png", png() + b"<html><script>alert(1)</script>")
    assert "behind the end" in said("a.webp", picture("WEBP", located=False) + b"<html>")


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_of_either_byte_order_is_read(order: str) -> None:
    sign = b"II*\0" if order == "<" else b"MM\0*"
    main = struct.pack(f"{order}HHHIHxxHHII", 2, 0x0112, 3, 1, 8, 0x8825, 4, 1, 38) + bytes(4)
    place = struct.pack(f"{order}HHHI4s", 1, 1, 2, 2, b"N\0\0\0")
    found = exif_of(sign + struct.pack(f"{order}I", 8) + main + place)
    assert (found.located, found.orientation) == (True, 8)
