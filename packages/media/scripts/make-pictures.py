"""Makes the small pictures in `fixtures/pictures` and what Pillow (12.3 for the committed ones) reads from them.

`pictures.json`: per file Pillow's mode and `convert("RGB")` pixels, orientation ignored; `animations.json`: the same
per frame; `resize.json`: `Image.resize` of a noise picture with every filter. Pixels are base64, row-major RGB.
Run: python3 packages/media/scripts/make-pictures.py
"""
import base64
import io
import json
import random
import struct
import warnings
import zlib
from pathlib import Path

from PIL import Image, ImageCms

warnings.simplefilter("ignore")
out = Path(__file__).parent.parent / "fixtures" / "pictures"
random.seed(20)
W, H = 16, 12


def noise(channels):
    return bytes(random.randrange(256) for _ in range(W * H * channels))


def text(data):
    return base64.b64encode(data).decode()


def png16(path, colour_type, channels):
    """Pillow cannot write 16-bit colour: chunks by hand."""
    rows = b"".join(b"\0" + noise(channels * 2)[: W * channels * 2] for _ in range(H))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", W, H, 16, colour_type, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def swapped_profile():
    """sRGB with red and green exchanged: whoever applies it is seen at once."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = profile[:24] + bytes(12) + profile[36:]  # no date of making
    return profile.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")


smooth = Image.frombytes("RGB", (W, H), bytes(v for y in range(H) for x in range(W) for v in (x * 16, y * 20, (x * y) % 256)))
rgb = Image.frombytes("RGB", (W, H), noise(3))
rgb.save(out / "rgb.png")
rgb.save(out / "profile.png", icc_profile=swapped_profile())
Image.frombytes("RGBA", (W, H), noise(4)).save(out / "rgba.png")
Image.frombytes("LA", (W, H), noise(2)).save(out / "grey-alpha.png")
Image.frombytes("L", (W, H), noise(1)).save(out / "grey.png")
Image.frombytes("I;16", (W, H), noise(2)).save(out / "grey16.png")
smooth.convert("1").save(out / "bilevel.png")
palette = smooth.quantize(16)
palette.save(out / "palette.png")
palette.save(out / "palette-alpha.png", transparency=bytes([0, 128, 255] * 5))
palette.save(out / "palette.gif")
png16(out / "rgb16.png", 2, 3)
png16(out / "rgba16.png", 6, 4)
Image.frombytes("L", (W, H), noise(1)).save(out / "grey.jpg", quality=90)
smooth.save(out / "rgb-444.jpg", quality=95, subsampling=0)
smooth.save(out / "rgb-420.jpg", quality=85, subsampling=2)
smooth.save(out / "progressive.jpg", quality=85, progressive=True)
smooth.convert("CMYK").save(out / "cmyk.jpg", quality=95)
smooth.save(out / "lossy.webp", quality=90)
Image.frombytes("RGBA", (W, H), noise(4)).save(out / "rgba.webp", lossless=True, exact=True)
smooth.save(out / "picture.avif", quality=90, subsampling="4:4:4")
for turn in range(1, 9):
    exif = Image.Exif()
    exif[274] = turn
    smooth.save(out / f"exif-{turn}.jpg", quality=95, subsampling=0, exif=exif.tobytes())

pictures = {}
for path in sorted(out.iterdir()):
    if path.suffix in (".png", ".jpg", ".webp", ".gif", ".avif") and not path.name.startswith("moving"):
        image = Image.open(path)
        read = image.convert("RGB")
        pictures[path.name] = {"mode": image.mode, "width": read.width, "height": read.height, "rgb": text(read.tobytes())}
(out / "pictures.json").write_text(json.dumps(pictures, indent=1) + "\n")

opaque, clear = [], []
for i in range(5):
    box = (3 * i, i, 3 * i + 4, i + 5)
    frame = Image.new("RGB", (W, H), (20, 40, 60))
    frame.paste((200, 30 * i, 10), box)
    opaque.append(frame)
    frame = Image.new("RGBA", (W, H), (0, 0, 0, 0))
    frame.paste((250, 30 * i, 10, 255), box)
    clear.append(frame)
opaque[0].save(out / "moving.gif", save_all=True, append_images=opaque[1:], duration=[50, 60, 70, 80, 90], loop=0)
opaque[0].save(out / "moving.webp", save_all=True, append_images=opaque[1:], duration=50, lossless=True)
clear[0].save(out / "moving-alpha.webp", save_all=True, append_images=clear[1:], duration=50, lossless=True)
for disposal in (1, 2, 3):
    name = f"moving-disposal{disposal}.gif"
    clear[0].save(out / name, save_all=True, append_images=clear[1:], duration=50, disposal=disposal)
animations = {}
for path in sorted(out.glob("moving*")):
    image = Image.open(path)
    frames = []
    for i in range(image.n_frames):
        image.seek(i)
        white = Image.new("RGBA", image.size, "white")
        frames.append(text(Image.alpha_composite(white, image.convert("RGBA")).convert("RGB").tobytes()))
    if path.name == "moving-alpha.webp":  # Pillow forgets the alpha of this one: composite what was put in
        frames = [text(Image.alpha_composite(Image.new("RGBA", (W, H), "white"), f).convert("RGB").tobytes()) for f in clear]
    animations[path.name] = {"width": W, "height": H, "onWhite": frames}
(out / "animations.json").write_text(json.dumps(animations, indent=1) + "\n")

source = Image.frombytes("RGB", (37, 23), bytes(random.randrange(256) for _ in range(37 * 23 * 3)))
filters = {"lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
sizes = [(11, 7), (50, 31), (37, 9), (8, 23), (1, 1), (64, 3)]
cases = [
    {"filter": name, "width": w, "height": h, "rgb": text(source.resize((w, h), code).tobytes())}
    for name, code in filters.items()
    for w, h in sizes
]
(out / "resize.json").write_text(
    json.dumps({"width": 37, "height": 23, "rgb": text(source.tobytes()), "cases": cases}, indent=1) + "\n"
)
