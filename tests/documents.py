"""Documents of several formats, made from nothing: the least that each format asks for."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence

Placed = tuple[float, float, float, str]
"""A line of a page: how far from the left and from the bottom, the size of its type, its words."""


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return made.getvalue()


# ---- PDF


def pdf(pages: Sequence[Sequence[Placed]], info: str = "", trailer: str = "") -> bytes:
    """A PDF in Helvetica; ``info`` and ``trailer`` are entries of its dictionaries."""
    streams = ["BT\n" + "".join(map(_shown, page)) + "ET" for page in pages]
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R /Lang (en-GB) >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for n, stream in enumerate(streams):
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {5 + 2 * n} 0 R "
            "/Resources << /Font << /F 3 0 R >> >> >>",
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        ]
    return _whole([*objects, f"<< {info} >>"], trailer)


def _shown(placed: Placed) -> str:
    x, y, size, words = placed
    escaped = words.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"/F {size} Tf 1 0 0 1 {x} {y} Tm ({escaped}) Tj\n"


def _whole(objects: Sequence[str], trailer: str) -> bytes:
    written = b"%PDF-1.4\n"
    places = []
    for n, content in enumerate(objects, start=1):
        places.append(len(written))
        written += f"{n} 0 obj\n{content}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}trailer\n"
    end += f"<< /Size {len(objects) + 1} /Root 1 0 R /Info {len(objects)} 0 R {trailer} >>\n"
    return written + f"{end}startxref\n{len(written)}\n%%EOF".encode()


def column(
    *lines: str, x: float = 70, top: float = 780, size: float = 11, leading: float = 14
) -> list[Placed]:
    """Lines one under the other."""
    return [(x, top - leading * n, size, line) for n, line in enumerate(lines)]


# ---- DOCX

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
CORE = """<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/">
<dc:title>A title</dc:title><dc:creator>Ann Lee</dc:creator><dc:language>en-US</dc:language>
<dcterms:created>2017-02-19T10:00:00Z</dcterms:created></cp:coreProperties>"""
STYLES = f"""<w:styles xmlns:w="{W}">
<w:style w:styleId="berschrift2"><w:name w:val="heading 2"/></w:style>
<w:style w:styleId="Titel"><w:name w:val="Title"/></w:style>
<w:style w:styleId="Verzeichnis1"><w:name w:val="toc 1"/></w:style></w:styles>"""


def docx(body: str, *, namespace: str = W, **parts: str) -> bytes:
    """A DOCX whose body holds this XML, its elements called w:…"""
    document = f'<w:document xmlns:w="{namespace}"><w:body>{body}</w:body></w:document>'
    every = {"word/document.xml": document, "word/styles.xml": STYLES, "docProps/core.xml": CORE}
    return zipped(every | {name.replace("__", "/") + ".xml": content for name, content in parts.items()})


def p(text: str, style: str = "", item: bool = False) -> str:
    """A paragraph of a DOCX."""
    properties = f'<w:pStyle w:val="{style}"/>' * bool(style) + "<w:numPr/>" * item
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


# ---- ODT

_ODF = "urn:oasis:names:tc:opendocument:xmlns"
_ODT_NAMES = (
    f'xmlns:office="{_ODF}:office:1.0" xmlns:text="{_ODF}:text:1.0" xmlns:table="{_ODF}:table:1.0" '
    f'xmlns:draw="{_ODF}:drawing:1.0" xmlns:meta="{_ODF}:meta:1.0" xmlns:dc="http://purl.org/dc/elements/1.1/"'
)
_META = (
    "<dc:title>A title</dc:title><meta:initial-creator>Ann Lee</meta:initial-creator><dc:creator>Bo Li</dc:creator>"
    "<meta:creation-date>2017-02-19T10:00:00</meta:creation-date><dc:language>de-DE</dc:language>"
)


def odt(body: str, kind: str = "text", **parts: str) -> bytes:
    """An ODT whose body holds this XML."""
    content = f"<office:body><office:{kind}>{body}</office:{kind}></office:body>"
    every = {
        "mimetype": "application/vnd.oasis.opendocument.text",
        "content.xml": f"<office:document-content {_ODT_NAMES}>{content}</office:document-content>",
        "meta.xml": f"<office:document-meta {_ODT_NAMES}><office:meta>{_META}</office:meta></office:document-meta>",
    }
    return zipped(every | {name.replace("__", "/") + ".xml": content for name, content in parts.items()})


# ---- EPUB

_CONTAINER = """<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<rootfiles><rootfile full-path="OEBPS/book.opf"/></rootfiles></container>"""


def epub(chapters: Mapping[str, str], **parts: str) -> bytes:
    """An EPUB with these pages, in their order of reading: path → XHTML."""
    items = "".join(
        f'<item id="i{n}" href="{path}" media-type="application/xhtml+xml"/>'
        for n, path in enumerate(chapters)
    )
    spine = "".join(f'<itemref idref="i{n}"/>' for n in range(len(chapters)))
    package = f"""<package xmlns="http://www.idpf.org/2007/opf" xmlns:dc="http://purl.org/dc/elements/1.1/">
<metadata><dc:title>A book</dc:title><dc:creator>Ann Lee</dc:creator><dc:creator>Bo Li</dc:creator>
<dc:date>2017</dc:date><dc:publisher>A house</dc:publisher><dc:language>en</dc:language></metadata>
<manifest>{items}<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/></manifest>
<spine><itemref idref="nav"/>{spine}</spine></package>"""
    pages = {f"OEBPS/{path}".replace("%20", " "): content for path, content in chapters.items()}
    every = {"META-INF/container.xml": _CONTAINER, "OEBPS/book.opf": package, **pages}
    return zipped(every | {name.replace("__", "/") + ".xml": content for name, content in parts.items()})


def page(body: str, title: str = "") -> str:
    """A page of an EPUB."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?><html xmlns="http://www.w3.org/1999/xhtml">'
        f"<head><title>{title}</title></head><body>{body}</body></html>"
    )
