"""Files for the demo: small, real documents of an invented contractor, made when the demo is filled.

Every file says in itself that it is demo data, so that none can pass for evidence.
"""

import io
import json
from collections.abc import Sequence

import typst
from docx import Document
from PIL import Image, ImageDraw, ImageFont

from cmmc_tracker.reports.cells import csv_lines, workbook

COMPANY = "Halvorsen Precision Parts (invented)"
MARK = "Demo data, invented: no evidence of anything"

Rows = Sequence[Sequence[str | int]]


def text(lines: Sequence[str]) -> bytes:
    """A plain text or Markdown file."""
    return ("\n".join([*lines, "", MARK, ""])).encode()


def csv(rows: Rows) -> bytes:
    """A CSV file; the mark is its last row."""
    return "".join(csv_lines([*rows, [MARK]])).encode()


def word(title: str, sections: Sequence[tuple[str, str]]) -> bytes:
    """A Word document with headings and paragraphs."""
    document = Document()
    document.add_heading(title, 0)
    document.add_paragraph(f"{COMPANY}. {MARK}.")
    for heading, body in sections:
        document.add_heading(heading, 1)
        document.add_paragraph(body)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def excel(name: str, rows: Rows) -> bytes:
    """An Excel workbook of one sheet with a header row."""
    file = io.BytesIO()
    book = workbook(file)
    sheet = book.add_worksheet(name[:31])
    bold = book.add_format({"bold": True})
    for number, row in enumerate([*rows, [MARK]]):
        sheet.write_row(number, 0, row, bold if number == 0 else None)
    sheet.set_column(0, len(rows[0]) - 1, 24)
    book.close()
    return file.getvalue()


_PDF = """
#set page(paper: "us-letter", margin: 2.4cm, footer: align(center, text(8pt, fill: gray, sys.inputs.mark)))
#set text(size: 10.5pt)
#set heading(numbering: "1.")
#text(20pt, weight: "bold", sys.inputs.title)
#v(2pt)
#text(fill: gray, sys.inputs.company)
#v(10pt)
#let parts = json(bytes(sys.inputs.sections))
#for part in parts [
  = #part.at(0)
  #part.at(1)
]
"""


def pdf(title: str, sections: Sequence[tuple[str, str]]) -> bytes:
    """A PDF with numbered sections."""
    inputs = {"title": title, "company": COMPANY, "mark": MARK, "sections": json.dumps([list(s) for s in sections])}
    made: bytes = typst.compile(_PDF.encode(), sys_inputs=inputs)
    return made


def screenshot(title: str, settings: Sequence[tuple[str, str]]) -> bytes:
    """A picture of an invented settings window."""
    width, row = 860, 40
    image = Image.new("RGB", (width, 96 + row * len(settings) + 46), "#f3f5f7")
    draw = ImageDraw.Draw(image)
    heading, normal = ImageFont.load_default(22), ImageFont.load_default(16)
    draw.rectangle((0, 0, width, 56), fill="#24435c")
    draw.text((22, 15), title, fill="white", font=heading)
    for number, (name, value) in enumerate(settings):
        top = 76 + row * number
        draw.rectangle((16, top, width - 16, top + row - 4), fill="white", outline="#d5dbe0")
        draw.text((30, top + 8), name, fill="#26323b", font=normal)
        draw.text((width - 30, top + 8), value, fill="#1d6b3f", font=normal, anchor="ra")
    draw.text((22, image.height - 32), MARK, fill="#8a5a00", font=normal)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def diagram() -> bytes:
    """A network diagram of the invented enclave."""
    image = Image.new("RGB", (980, 560), "white")
    draw = ImageDraw.Draw(image)
    font, small = ImageFont.load_default(17), ImageFont.load_default(14)
    boxes = {
        "Internet": (40, 230, 170, 300),
        "Firewall HPP-FW1": (240, 230, 420, 300),
        "Office network": (500, 60, 700, 130),
        "CUI enclave switch": (500, 230, 700, 300),
        "Shop floor (no CUI)": (500, 410, 700, 480),
        "File server HPP-FS1": (770, 170, 950, 240),
        "12 workstations": (770, 290, 950, 360),
    }
    lines = [
        ("Internet", "Firewall HPP-FW1"),
        ("Firewall HPP-FW1", "Office network"),
        ("Firewall HPP-FW1", "CUI enclave switch"),
        ("Firewall HPP-FW1", "Shop floor (no CUI)"),
        ("CUI enclave switch", "File server HPP-FS1"),
        ("CUI enclave switch", "12 workstations"),
    ]
    draw.rectangle((480, 150, 965, 380), outline="#a92a1f", width=2)
    draw.text((490, 156), "CUI boundary", fill="#a92a1f", font=small)
    for start, end in lines:
        left, right = boxes[start], boxes[end]
        draw.line((left[2], (left[1] + left[3]) // 2, right[0], (right[1] + right[3]) // 2), fill="#59636c", width=2)
    for name, box in boxes.items():
        draw.rounded_rectangle(box, 8, fill="#e8f1f8", outline="#1f5f8b", width=2)
        draw.text(((box[0] + box[2]) // 2, (box[1] + box[3]) // 2), name, fill="#1c2329", font=font, anchor="mm")
    draw.text((40, 20), "Network diagram, main enclave, version 3", fill="#1c2329", font=font)
    draw.text((40, 525), MARK, fill="#8a5a00", font=small)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()
