"""What the codec makes of every kind of picture that it accepts."""

import io
import struct

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms
from skimage.color import deltaE_ciede2000, rgb2lab

from editrefiner.artifacts import (
    ImageAnimatedError,
    ImageLimits,
    ImageTooLargeError,
    ImageUnreadableError,
    ImageUnsupportedError,
    decode_image,
    open_store,
)

LIMITS = ImageLimits()


def noise(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(3).integers(0, np.iinfo(dtype).max + 1, shape, dtype=dtype)


def scene(height: int = 48, width: int = 64) -> np.ndarray:
    """Smooth colours without two like corners: lossy codecs keep it, and a wrong turn shows."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = [40 + 170 * x / width, 220 - 180 * y / height, 60 + 120 * (x / width) * (y / height)]
    return np.stack(planes, axis=-1).round().astype(np.uint8)


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, form, **options)
    return target.getvalue()


def nearest_8_bit(values: np.ndarray, white: int = 65_535) -> np.ndarray:
    return np.floor(values.astype(np.float64) * 255 / white + 0.5).astype(np.uint8)


def color_distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(deltaE_ciede2000(rgb2lab(one), rgb2lab(other)).max())


# ------------------------------------------------------------------ formats


@pytest.mark.parametrize(
    ("form", "media_type", "options"),
    [
        ("PNG", "image/png", {}),
        ("WEBP", "image/webp", {"lossless": True}),
        ("TIFF", "image/tiff", {}),
        ("TIFF", "image/tiff", {"compression": "tiff_lzw"}),
        ("TIFF", "image/tiff", {"compression": "tiff_adobe_deflate"}),
        ("TIFF", "image/tiff", {"big_tiff": True}),
    ],
)
def test_a_lossless_picture_comes_in_bit_for_bit(form: str, media_type: str, options: dict) -> None:
    pixels = noise(37, 53, 3)
    decoded = decode_image(saved(Image.fromarray(pixels), form, **options), LIMITS)
    np.testing.assert_array_equal(decoded.pixels, pixels)
    assert (decoded.media_type, decoded.alpha, decoded.warnings) == (media_type, None, ())


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 95, "subsampling": 0}])
def test_a_jpeg_comes_in_as_pillow_and_opencv_see_it(options: dict) -> None:
    content = saved(Image.fromarray(scene()), "JPEG", **options)
    decoded = decode_image(content, LIMITS)
    reference = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR_RGB)
    assert reference is not None
    assert np.abs(decoded.pixels.astype(int) - reference).max() <= 2
    assert decoded.media_type == "image/jpeg"


def test_the_format_is_told_from_the_content() -> None:
    assert (
        decode_image(saved(Image.fromarray(scene()), "WEBP"), LIMITS, name="a.png").media_type == "image/webp"
    )


@pytest.mark.parametrize("form", ["GIF", "BMP", "AVIF", "ICO", "PPM", "PDF", "JPEG2000", "QOI", "TGA"])
def test_a_format_that_is_not_accepted_is_unsupported(form: str) -> None:
    with pytest.raises(ImageUnsupportedError, match=r"edited is .* not a PNG, JPEG, WebP or TIFF"):
        decode_image(saved(Image.fromarray(scene()), form), LIMITS, name="edited")


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%!PS-Adobe-3.0 EPSF-3.0",
        b"PK\x03\x04",
        b"hello",
        b"\x89P",
    ],
)
def test_what_is_no_raster_picture_is_unsupported(content: bytes) -> None:
    with pytest.raises(ImageUnsupportedError):
        decode_image(content, LIMITS)


def test_nothing_at_all_is_unreadable() -> None:
    with pytest.raises(ImageUnreadableError, match="source is empty"):
        decode_image(b"", LIMITS, name="source")


# ------------------------------------------------------------------ orientation and metadata

TURNS = {  # what a camera held like this records of an upright scene
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: np.rot90(a, 3),
}


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "JPEG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_all_eight_orientations_show_the_same_picture(form: str, orientation: int) -> None:
    upright = scene()
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}.get(form, {})
    recorded = Image.fromarray(np.ascontiguousarray(TURNS[orientation](upright)))
    decoded = decode_image(saved(recorded, form, exif=exif, **options), LIMITS)
    assert decoded.pixels.shape == upright.shape
    assert np.abs(decoded.pixels.astype(int) - upright).max() <= (3 if form == "JPEG" else 0)


def test_alpha_is_turned_with_the_picture() -> None:
    pixels = noise(10, 16, 4)
    exif = Image.Exif()
    exif[0x0112] = 6
    recorded = Image.fromarray(np.ascontiguousarray(np.rot90(pixels, 1)))
    decoded = decode_image(saved(recorded, "PNG", exif=exif), LIMITS)
    np.testing.assert_array_equal(decoded.alpha, pixels[..., 3])


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"Exif\x00\x00",
        b"II*\x00\xff\xff\xff\x7f",
        b"MM\x00*\x00\x00\x00\x08\xff\xff" + bytes(40),
        b"II*\x00\x08\x00\x00\x00\x01\x00" + struct.pack("<HHII", 0x0112, 3, 1, 99),
        b"II*\x00\x08\x00\x00\x00\x01\x00" + struct.pack("<HHII", 0x0112, 5, 1, 6),
        b"not exif at all",
    ],
)
def test_damaged_exif_leaves_the_picture_as_it_is(exif: bytes) -> None:
    pixels = noise(5, 9, 3)
    decoded = decode_image(saved(Image.fromarray(pixels), "PNG", exif=exif), LIMITS)
    np.testing.assert_array_equal(decoded.pixels, pixels)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_no_metadata_reaches_the_store(form: str, tmp_path, make) -> None:
    marks = [b"SECRET-PLACE", b"SECRET-OWNER", b"SECRET-NOTE"]
    exif = Image.Exif()
    exif[0x013B] = marks[1].decode()  # artist
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[29] = marks[0].decode()  # GPS
    options = {"exif": exif, "xmp": b"<x:xmpmeta>SECRET-NOTE</x:xmpmeta>"}
    content = saved(Image.fromarray(scene()), form, **options)
    if form == "PNG":
        content = content[:33] + make.png_chunk(b"tEXt", b"Comment\x00SECRET-NOTE") + content[33:]
    if form != "TIFF":  # Pillow writes no GPS directory there
        assert marks[0] in content
    assert marks[1] in content

    store = open_store(str(tmp_path))
    ref, _ = store.ingest(content, name="edited")

    kept = store.bytes(ref.sha256)
    assert [
        kind for kind in (b"eXIf", b"tEXt", b"iTXt", b"zTXt", b"iCCP", b"Exif", b"GPS") if kind in kept
    ] == []
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert [mark for mark in marks if mark in written] == []


# ------------------------------------------------------------------ samples


def test_gray_is_repeated_in_three_channels() -> None:
    gray = noise(11, 13)
    decoded = decode_image(saved(Image.fromarray(gray), "PNG"), LIMITS)
    np.testing.assert_array_equal(decoded.pixels, np.repeat(gray[..., None], 3, axis=2))


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_one_bit_becomes_black_and_white(form: str) -> None:
    bits = noise(9, 17) > 127
    decoded = decode_image(saved(Image.fromarray(bits), form), LIMITS)
    np.testing.assert_array_equal(decoded.pixels, np.where(bits, 255, 0)[..., None].repeat(3, axis=2))


def test_white_may_be_zero(make) -> None:
    gray = noise(9, 17)
    np.testing.assert_array_equal(decode_image(make.tiff_of(gray, 0), LIMITS).pixels[..., 0], 255 - gray)
    deep = noise(9, 17, dtype=np.uint16)
    np.testing.assert_array_equal(
        decode_image(make.tiff_of(deep, 0), LIMITS).pixels[..., 0], 255 - nearest_8_bit(deep)
    )


@pytest.mark.parametrize(
    ("form", "mode"), [("PNG", "RGBA"), ("WEBP", "RGBA"), ("TIFF", "RGBA"), ("PNG", "LA")]
)
def test_alpha_is_kept_apart_and_color_under_it_is_untouched(form: str, mode: str) -> None:
    pixels = noise(12, 10, len(mode))
    image = Image.frombytes(mode, (10, 12), pixels.tobytes())
    options = {"lossless": True, "exact": True} if form == "WEBP" else {}
    decoded = decode_image(saved(image, form, **options), LIMITS)
    colors = pixels[..., :3] if mode == "RGBA" else pixels[..., :1].repeat(3, axis=2)
    np.testing.assert_array_equal(decoded.pixels, colors)
    np.testing.assert_array_equal(decoded.alpha, pixels[..., -1])


def test_a_palette_with_transparent_entries_gives_colors_and_alpha() -> None:
    indices = noise(8, 8) % 4
    image = Image.fromarray(indices)
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 9, 9, 9])
    decoded = decode_image(saved(image, "PNG", transparency=bytes([0, 128, 255])), LIMITS)
    palette = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [9, 9, 9]], np.uint8)
    np.testing.assert_array_equal(decoded.pixels, palette[indices])
    np.testing.assert_array_equal(decoded.alpha, np.array([0, 128, 255, 255], np.uint8)[indices])


@pytest.mark.parametrize(
    ("color_type", "depth", "key"),
    [
        (0, 8, b"\x00\x07"),
        (2, 8, b"\x00\x07\x00\x07\x00\x07"),
        (0, 16, b"\x07\x08"),
        (2, 16, b"\x07\x08" * 3),
    ],
)
def test_a_transparent_color_becomes_alpha_exactly(color_type: int, depth: int, key: bytes, make) -> None:
    channels = 1 if color_type == 0 else 3
    clear = int.from_bytes(key[:2], "big")
    # The key, its neighbour (the same high byte when deep), and white.
    values = np.array([clear, clear + 1, 2**depth - 1], f">u{depth // 8}").repeat(channels)
    content = make.png_file(
        3, 1, b"\x00" + values.tobytes(), depth=depth, color_type=color_type, extra=[(b"tRNS", key)]
    )
    np.testing.assert_array_equal(decode_image(content, LIMITS).alpha, [[0, 255, 255]])


@pytest.mark.parametrize("extension", [".png", ".tiff"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bits_are_scaled_to_the_nearest_of_8(extension: str, channels: int) -> None:
    pixels = noise(31, 29, channels, dtype=np.uint16)
    order = {1: [0], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[channels]
    _, content = cv2.imencode(extension, np.ascontiguousarray(pixels[..., order]))
    decoded = decode_image(content.tobytes(), LIMITS)
    expected = nearest_8_bit(pixels)
    np.testing.assert_array_equal(
        decoded.pixels, expected[..., :3] if channels > 1 else expected.repeat(3, axis=2)
    )
    if channels == 4:
        np.testing.assert_array_equal(decoded.alpha, expected[..., 3])


def test_every_16_bit_value_is_scaled_to_the_nearest(make) -> None:
    ramp = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
    color = np.stack([ramp, ramp[::-1], ramp.T], axis=-1)
    for order in "<>":
        decoded = decode_image(make.tiff_of(color, 2, order=order), LIMITS)
        np.testing.assert_array_equal(decoded.pixels, nearest_8_bit(color))


def test_16_bit_gray_with_alpha_is_scaled_to_the_nearest(make) -> None:
    pixels = noise(14, 15, 2, dtype=np.uint16)
    rows = b"".join(b"\x00" + row.astype(">u2").tobytes() for row in pixels)
    decoded = decode_image(make.png_file(15, 14, rows, depth=16, color_type=4), LIMITS)
    np.testing.assert_array_equal(decoded.pixels[..., 1], nearest_8_bit(pixels[..., 0]))
    np.testing.assert_array_equal(decoded.alpha, nearest_8_bit(pixels[..., 1]))


def test_a_12_bit_scan_uses_the_whole_range(make) -> None:
    packed = bytes([0x00, 0x0F, 0xFF, 0x80, 0x00, 0x00])  # 0, 4095, 2048, 0
    tags = {256: [4], 257: [1], 258: [12], 259: [1], 262: [1], 277: [1], 278: [1], 284: [1]}
    content = make.tiff_file([packed], {tag: ("H", values) for tag, values in tags.items()})
    np.testing.assert_array_equal(decode_image(content, LIMITS).pixels[0, :, 0], [0, 255, 128, 0])


def test_16_bit_planes_that_would_be_misread_are_unsupported(make) -> None:
    with pytest.raises(ImageUnsupportedError, match="separate planes"):
        decode_image(make.tiff_of(noise(9, 9, 3, dtype=np.uint16), 2, planar=2), LIMITS)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_samples_without_a_known_white_are_unsupported(mode: str) -> None:
    with pytest.raises(ImageUnsupportedError, match="8 or 16 bits"):
        decode_image(saved(Image.new(mode, (4, 4)), "TIFF"), LIMITS)


# ------------------------------------------------------------------ inks

INKS = np.array(
    [[[0, 0, 0, 0], [255, 0, 0, 0], [0, 255, 0, 0]], [[0, 0, 255, 0], [0, 0, 0, 255], [0, 0, 0, 128]]]
)
INKS_AS_RGB = np.array(
    [[[255, 255, 255], [0, 255, 255], [255, 0, 255]], [[255, 255, 0], [0, 0, 0], [127, 127, 127]]], np.uint8
)


def patches(values: np.ndarray, side: int = 16) -> np.ndarray:
    return values.astype(np.uint8).repeat(side, axis=0).repeat(side, axis=1)


def test_an_adobe_cmyk_jpeg_has_its_inverted_inks_put_right() -> None:
    image = Image.frombytes("CMYK", (48, 32), patches(INKS).tobytes())
    content = saved(image, "JPEG", quality=100, subsampling=0)
    assert b"Adobe" in content
    assert color_distance(decode_image(content, LIMITS).pixels, patches(INKS_AS_RGB)) <= 2


def test_a_cmyk_jpeg_that_adobe_did_not_write_has_straight_inks() -> None:
    image = Image.frombytes("CMYK", (48, 32), (255 - patches(INKS)).tobytes())
    content = saved(image, "JPEG", quality=100, subsampling=0)
    start = content.index(b"\xff\xee")  # the Adobe segment
    content = content[:start] + content[start + 2 + int.from_bytes(content[start + 2 : start + 4], "big") :]
    assert color_distance(decode_image(content, LIMITS).pixels, patches(INKS_AS_RGB)) <= 2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_cmyk_tiff_has_straight_inks(dtype: type, make) -> None:
    inks = patches(INKS).astype(dtype) * (np.iinfo(dtype).max // 255)
    assert color_distance(decode_image(make.tiff_of(inks, 5), LIMITS).pixels, patches(INKS_AS_RGB)) <= 2


# ------------------------------------------------------------------ colour profiles

ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
GAMMA = 563 / 256


def icc_profile(space: bytes, colorants: tuple = (), gamma: float = GAMMA) -> bytes:
    """A version 2 profile of a display: gamma curves and, for RGB, the primaries' XYZ under D50."""

    def xyz(values: tuple[float, ...]) -> bytes:
        return b"XYZ \x00\x00\x00\x00" + struct.pack(">3i", *(round(value * 65_536) for value in values))

    curve = b"curv\x00\x00\x00\x00" + struct.pack(">IH", 1, round(gamma * 256)) + b"\x00\x00"
    text = b"desc\x00\x00\x00\x00" + struct.pack(">I", 5) + b"test\x00" + bytes(78)
    tags = {b"desc": text + bytes(-len(text) % 4), b"wtpt": xyz((0.9642, 1.0, 0.8249))}
    if colorants:
        tags |= {name: xyz(value) for name, value in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colorants, strict=True)}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    else:
        tags[b"kTRC"] = curve
    table, body = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", 128 + 4 + 12 * len(tags) + len(body), len(content))
        body += content
    header = struct.pack(
        ">I4sI4s4s4s12s4s4s4s12s", 0, b"lcms", 0x02100000, b"mntr", space, b"XYZ ", bytes(12), b"acsp",
        bytes(4), bytes(4), bytes(12),
    ) + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)  # fmt: skip
    profile = header.ljust(128, b"\x00") + table + body
    return struct.pack(">I", len(profile)) + profile[4:]


def in_srgb(pixels: np.ndarray) -> np.ndarray:
    """Adobe RGB pixels as sRGB, worked out from the definitions."""
    linear = (pixels / 255.0) ** GAMMA @ np.array(ADOBE_RGB) @ np.linalg.inv(np.array(SRGB))
    linear = linear.clip(0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (encoded * 255).round().astype(np.uint8)


@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_an_embedded_profile_is_converted_to_srgb(form: str) -> None:
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}.get(form, {})
    pixels = patches(np.random.default_rng(5).integers(70, 190, (6, 8, 3)))
    content = saved(Image.fromarray(pixels), form, icc_profile=icc_profile(b"RGB ", ADOBE_RGB), **options)
    decoded = decode_image(content, LIMITS)
    assert color_distance(decoded.pixels, in_srgb(pixels)) <= 2
    assert color_distance(pixels, in_srgb(pixels)) > 4  # or the test would tell nothing
    assert decoded.warnings == ()


def test_an_embedded_srgb_profile_changes_nothing() -> None:
    pixels = noise(32, 32, 3)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    decoded = decode_image(saved(Image.fromarray(pixels), "PNG", icc_profile=profile), LIMITS)
    np.testing.assert_array_equal(decoded.pixels, pixels)


def test_a_gray_profile_is_converted() -> None:
    linear = np.arange(256, dtype=np.uint8).reshape(16, 16)
    profile = icc_profile(b"GRAY", gamma=1.0)
    decoded = decode_image(saved(Image.fromarray(linear), "PNG", icc_profile=profile), LIMITS)
    light = linear / 255.0
    expected = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * 255
    assert np.abs(decoded.pixels[..., 0] - expected).max() <= 1.5


def test_an_rgb_profile_on_a_gray_picture_is_honoured() -> None:
    gray = np.full((4, 4), 128, np.uint8)
    profile = icc_profile(b"RGB ", SRGB, gamma=1.0)
    decoded = decode_image(saved(Image.fromarray(gray), "PNG", icc_profile=profile), LIMITS)
    assert np.abs(decoded.pixels.astype(int) - 188).max() <= 1
    assert decoded.warnings == ()


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        (b"no profile", "damaged"),
        (icc_profile(b"RGB ", ADOBE_RGB)[:200], "damaged"),
        (icc_profile(b"GRAY"), "other channels"),
        (icc_profile(b"RGB ", ADOBE_RGB) + bytes(5 * 2**20), "larger than"),
    ],
)
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_a_profile_that_cannot_be_used_is_ignored_with_a_warning(
    profile: bytes, reason: str, form: str
) -> None:
    pixels = noise(8, 8, 3)
    decoded = decode_image(saved(Image.fromarray(pixels), form, icc_profile=profile), LIMITS, name="source")
    np.testing.assert_array_equal(decoded.pixels, pixels)
    (warning,) = decoded.warnings
    assert warning.startswith("source: ")
    assert reason in warning


def test_lab_is_converted() -> None:
    lab = Image.new("LAB", (4, 4), (128, 128, 128))  # L* 50, neutral
    decoded = decode_image(saved(lab, "TIFF"), LIMITS)
    assert np.abs(decoded.pixels.astype(int) - 119).max() <= 1


# ------------------------------------------------------------------ frames


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_an_animation_or_a_second_page_is_refused(form: str) -> None:
    frames = [Image.fromarray(noise(8, 8, 3) // part) for part in (1, 2, 3)]
    content = saved(frames[0], form, save_all=True, append_images=frames[1:])
    with pytest.raises(ImageAnimatedError, match=r"edited has more than 1 frame.*Export"):
        decode_image(content, LIMITS, name="edited")


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_the_first_frame_is_read_where_more_are_allowed(form: str) -> None:
    frames = [Image.fromarray(noise(8, 8, 3) // part) for part in (1, 2, 3)]
    options = {"lossless": True} if form == "WEBP" else {}
    content = saved(frames[0], form, save_all=True, append_images=frames[1:], **options)
    decoded = decode_image(content, ImageLimits(max_frames=3))
    np.testing.assert_array_equal(decoded.pixels, np.asarray(frames[0]))


def test_pictures_behind_the_first_of_a_phones_jpeg_are_no_frames() -> None:
    first, second = Image.fromarray(scene()), Image.fromarray(scene(24, 32))
    content = saved(first, "MPO", save_all=True, append_images=[second])
    assert decode_image(content, LIMITS).pixels.shape == (48, 64, 3)


# ------------------------------------------------------------------ limits, and what a refusal says


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"max_bytes": 100}, "has .* bytes; the limit is 100"),
        ({"max_pixels": 1000}, r"64x48 pixels, 3072 in all; the limit is 1000\. Scale"),
        ({"max_side": 60}, r"64x48 pixels; the limit of a side is 60\. Scale"),
        ({"max_ratio": 1.3}, r"64x48 pixels; .* 1\.3 times the other\. Crop"),
    ],
)
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_refusal_names_the_picture_the_limit_and_the_mend(limits: dict, said: str, form: str) -> None:
    with pytest.raises(ImageTooLargeError, match=f"the upload (is|has)? ?{said}"):
        decode_image(saved(Image.fromarray(scene()), form), ImageLimits(**limits), name="the upload")


def test_a_picture_at_its_limits_is_accepted() -> None:
    content = saved(Image.fromarray(scene(10, 40)), "PNG")
    limits = ImageLimits(max_bytes=len(content), max_pixels=400, max_side=40, max_ratio=4)
    assert decode_image(content, limits).pixels.shape == (10, 40, 3)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_picture_is_unreadable(form: str, share: float) -> None:
    content = saved(Image.fromarray(noise(60, 60, 3)), form)
    with pytest.raises(ImageUnreadableError, match=r"edited .*Save the picture again"):
        decode_image(content[: int(len(content) * share)], LIMITS, name="edited")


@pytest.mark.parametrize(
    "magic",
    [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"RIFF\xff\x00\x00\x00WEBPVP8 ", b"II*\x00", b"MM\x00*"],
)
def test_garbage_behind_a_magic_number_is_unreadable(magic: bytes) -> None:
    for filler in (b"", bytes(200), b"\xff" * 200, np.random.default_rng(1).bytes(4000)):
        with pytest.raises(ImageUnreadableError):
            decode_image(magic + filler, LIMITS)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_picture_with_flipped_bytes_is_decoded_or_refused_and_nothing_else(form: str) -> None:
    content = saved(Image.fromarray(scene(24, 24)), form)
    rng = np.random.default_rng(11)
    for _ in range(150):
        damaged = np.frombuffer(content, np.uint8).copy()
        places = rng.integers(0, len(damaged), 3)
        damaged[places] = rng.integers(0, 256, 3)
        try:
            decoded = decode_image(damaged.tobytes(), LIMITS)
        except (ImageUnreadableError, ImageTooLargeError, ImageUnsupportedError, ImageAnimatedError):
            continue
        assert decoded.pixels.dtype == np.uint8
        assert decoded.pixels.ndim == 3


def test_a_png_whose_data_fails_its_checksum_is_unreadable(make) -> None:
    content = bytearray(make.png_file(4, 4, bytes(4 * 13)))
    at = content.index(b"IDAT") + 6
    content[at] ^= 0x10
    with pytest.raises(ImageUnreadableError):
        decode_image(bytes(content), LIMITS)
