"""Decodes a picture and makes its renditions. Runs in a process of its own alone (`picture_process`): a decoder fed with a
stranger's bytes may crash, hang, or do what those bytes say.

Which decoder is asked is decided by the first bytes and is one of three; no other that Pillow has is ever loaded.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from datetime import datetime

from PIL import Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin
from PIL.Image import Resampling, Transpose
from PIL.ImageFile import ImageFile

from bravetui.pictures import exif
from bravetui.pictures.picture import (
    PIXELS_MAX,
    PREVIEW_BYTES_MAX,
    PREVIEW_PX,
    THUMBNAIL_BYTES_MAX,
    THUMBNAIL_PX,
    Picture,
    Refusal,
)

# Pillow refuses what has twice as many; WebP's decoder takes memory for all of them before it can be asked how many.
Image.MAX_IMAGE_PIXELS = PIXELS_MAX // 2

_DECODERS: Mapping[str, Callable[[io.BytesIO], ImageFile]] = {
    # Not Image.open: that would try others, and take a JPEG with a second picture behind the first for another format.
    "image/jpeg": JpegImagePlugin.JpegImageFile,
    "image/png": PngImagePlugin.PngImageFile,
    "image/webp": WebPImagePlugin.WebPImageFile,
}
_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis"}
)
"""ISO/IEC 23008-12 annex B; AVIF 1.1."""

_TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}
"""What makes each Exif orientation upright."""
_LYING = range(5, 9)
"""Orientations that change height and width for each other."""
_QUALITIES = (80, 65, 50, 35, 20, 10)


def open_here(data: bytes) -> Picture | Refusal:
    """A picture and its renditions, or why not. Takes no more memory than a picture of so many pixels needs."""
    media_type = sniffed(data)
    if isinstance(media_type, Refusal):
        return media_type
    try:
        return _opened(data, media_type)
    except Image.DecompressionBombError:
        return Refusal.PIXELS
    except MemoryError:
        return Refusal.MEMORY
    except Exception:  # noqa: BLE001 - each decoder lets errors of its own through, a dozen kinds of them
        return Refusal.DAMAGED


def sniffed(data: bytes) -> str | Refusal:
    """The media type that the first bytes say."""
    if not data:
        return Refusal.EMPTY
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        return Refusal.HEIC
    return Refusal.UNKNOWN


def _opened(data: bytes, media_type: str) -> Picture | Refusal:
    with _DECODERS[media_type](io.BytesIO(data)) as image:
        width, height = image.size
        if width * height > PIXELS_MAX:
            return Refusal.PIXELS
        small = _made_small(image)
        turned, taken_at, place = _told(image)
    preview = _on_white(small)
    if turned in _TURNS:
        preview = preview.transpose(_TURNS[turned])
    thumbnail = preview.copy()
    thumbnail.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Resampling.LANCZOS)
    latitude, longitude = place or (None, None)
    return Picture(
        width=height if turned in _LYING else width,
        height=width if turned in _LYING else height,
        media_type=media_type,
        taken_at=taken_at,
        latitude=latitude,
        longitude=longitude,
        thumbnail=_jpeg(thumbnail, THUMBNAIL_BYTES_MAX),
        preview=_jpeg(preview, PREVIEW_BYTES_MAX),
    )


def _made_small(image: ImageFile) -> Image.Image:
    """The first frame at the size of a preview. A JPEG is decoded at a half, a quarter or an eighth where that is enough."""
    size = (PREVIEW_PX, PREVIEW_PX)
    image.draft(None, size)
    plain = _plain(image)
    plain.thumbnail(size, Resampling.LANCZOS)
    return plain


def _plain(image: Image.Image) -> Image.Image:
    """The same in a mode that can be made smaller smoothly: no palette, no 16 bits, no colour that stands for nothing."""
    if image.mode.startswith("I"):
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if image.mode in ("LA", "PA") or "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert({"1": "L", "P": "RGB"}.get(image.mode, image.mode))


def _on_white(image: Image.Image) -> Image.Image:
    """In three colours and without what the file said beside them: the new picture knows only points."""
    white = Image.new("RGB", image.size, "white")
    white.paste(image.convert("RGB"), mask=image.getchannel("A") if image.mode == "RGBA" else None)
    return white


def _told(image: ImageFile) -> tuple[int, datetime | None, tuple[str, str] | None]:
    """What the camera wrote: how the picture lies, when and where it was taken. Damaged words cost no picture."""
    try:
        tags = image.getexif()
        return exif.orientation(tags), exif.taken_at(tags.get_ifd(0x8769)), exif.place(tags.get_ifd(0x8825))
    except Exception:  # noqa: BLE001 - offsets, counts and types are as the file has them
        return 1, None, None


def _jpeg(image: Image.Image, bytes_max: int) -> bytes:
    """As JPEG, in the best quality of some that fits."""
    for quality in _QUALITIES:
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
        if out.tell() <= bytes_max:
            break
    return out.getvalue()
