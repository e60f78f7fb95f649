"""Pictures are told by their bytes, and copies show their pixels alone."""

import io

import pytest
from PIL import Image

from app import pictures
from app.pictures import Looks, NoPicture, TooManyPixels
from tests.pictures import CAMERA, SECRET, bomb, picture, telling


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_told_by_its_bytes(kind):
    assert pictures.looks(picture(kind=kind)) == Looks(f"image/{kind.lower()}", 64, 48)


def test_a_phones_double_picture_is_a_jpeg():
    made = io.BytesIO()
    second = Image.new("RGB", (8, 8), "red")
    Image.new("RGB", (64, 48)).save(made, "MPO", save_all=True, append_images=[second])
    assert opened(made.getvalue()).format == "MPO"
    assert pictures.looks(made.getvalue()) == Looks("image/jpeg", 64, 48)
    assert opened(pictures.copy(made.getvalue(), 32)).size == (32, 24)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a picture at all",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><script>alert(1)</script>",
        b"GIF89a" + b"\0" * 40,
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n",
        b"\xff\xd8\xff\xe0" + SECRET,
        b"\x89PNG\r\n\x1a\n",
        picture(kind="TIFF"),
        picture(kind="BMP"),
        picture(kind="GIF"),
    ],
)
def test_what_is_no_picture_of_ours_is_refused(data):
    with pytest.raises(NoPicture, match=r"send|save"):
        pictures.looks(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("left", [0.2, 0.6, 0.9])
def test_a_picture_cut_off_is_refused(kind, left):
    noise = Image.effect_noise((320, 240), 90).convert("RGB")
    made = io.BytesIO()
    noise.save(made, kind)
    data = made.getvalue()
    assert pictures.looks(data).width == 320
    with pytest.raises(NoPicture, match=r"whole file|own bytes"):
        pictures.looks(data[: int(len(data) * left)])


@pytest.mark.parametrize("size", [(60_000, 60_000), (10_000, 5_001), (2**31 - 1, 1)])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(size):
    with pytest.raises(TooManyPixels, match="more than 50 million pixels; make it smaller"):
        pictures.looks(bomb(*size))


def test_a_jpeg_of_endless_scans_is_refused():
    data = picture()
    at = data.index(pictures.SCAN)
    with pytest.raises(NoPicture, match="too many scans"):
        pictures.looks(data[:-2] + data[at:-2] * 300 + data[-2:])


def test_a_copy_says_nothing_but_the_picture():
    data = telling()
    assert CAMERA.encode() in data
    assert SECRET in data
    assert opened(data).getexif().get_ifd(0x8825)
    copy = pictures.copy(data, 2_048)
    made = opened(copy)
    assert made.format == "JPEG"
    assert not made.getexif()
    assert set(made.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    for secret in (CAMERA.encode(), SECRET, b"Exif", b"script"):
        assert secret not in copy


def test_a_copy_stands_upright_and_keeps_its_form():
    assert opened(pictures.copy(telling(), 32)).size == (24, 32)
    assert opened(pictures.copy(picture(size=(4_000, 1_000)), 2_048)).size == (2_048, 512)
    assert opened(pictures.copy(picture(), 2_048)).size == (64, 48)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_exif_costs_the_turn_only():
    data = picture(exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01\x12\xff\xff" * 9)
    assert pictures.looks(data).width == 64
    assert opened(pictures.copy(data, 32)).size == (32, 24)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_every_kind_of_pixel_can_be_copied(mode):
    made = io.BytesIO()
    Image.new(mode, (40, 20)).save(made, "JPEG" if mode == "CMYK" else "PNG")
    assert opened(pictures.copy(made.getvalue(), 20)).size == (20, 10)


def test_what_is_transparent_shows_white():
    made = io.BytesIO()
    Image.new("RGBA", (40, 20), (0, 0, 0, 0)).save(made, "PNG")
    assert opened(pictures.copy(made.getvalue(), 20)).getpixel((5, 5)) == (255, 255, 255)
