"""Letters: a PDF for each, in a day's folder with a list that a print house can take."""

from __future__ import annotations

import csv
import fcntl
import hashlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from io import BytesIO
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate, Paragraph, Spacer

from infra.channels.message import Answer, Message, Probe, Result

MANIFEST = "manifest.csv"
COLUMNS = ("contact_ref", "file", "pages", "sha256", "sender", "dated_on")

FONTS = (("cp1252", "Helvetica"), ("gbk", "STSong-Light"), ("cp932", "HeiseiMin-W3"))
"""Which font sets a text, by the first encoding that has all its characters.

The last two are fonts that PDF readers and print houses bring along.
"""

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class LetterPort:
    """Writes letters under *folder*; the same ref again changes nothing."""

    honours_idempotency = True

    def __init__(self, name: str, folder: Path) -> None:
        self._name = name
        self._folder = folder

    def send(self, messages: Sequence[Message]) -> list[Result]:
        results: dict[str, Result] = {}
        for on, of_day in groupby(sorted(messages, key=lambda each: each.on), lambda each: each.on):
            try:
                with _day(self._folder / on.isoformat()) as day:
                    for message in of_day:
                        results[message.contact_ref] = self._written(day, message)
            except OSError:
                self._fail(results, messages, on)
        return [results[message.contact_ref] for message in messages]

    def probe(self) -> list[Probe]:
        began = time.monotonic()
        reason = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not os.access(self._folder, os.W_OK | os.X_OK):
                reason = "FOLDER"
        except OSError:
            reason = "FOLDER"
        took_ms = int((time.monotonic() - began) * 1000)
        return [Probe(holds=reason is None, took_ms=took_ms, reason=reason)]

    def close(self) -> None:
        """Nothing is open."""

    def _written(self, day: _Day, message: Message) -> Result:
        try:
            content, pages = letter(message)
        except ValueError:
            return Result(
                contact_ref=message.contact_ref,
                answer=Answer.REFUSED,
                provider=self._name,
                reason="CHARACTERS",
            )
        return Result(
            contact_ref=message.contact_ref,
            answer=Answer.ACCEPTED,
            provider=self._name,
            provider_id=day.keep(message, content, pages),
        )

    def _fail(self, results: dict[str, Result], messages: Sequence[Message], on: date) -> None:
        for message in messages:
            if message.on == on and message.contact_ref not in results:
                results[message.contact_ref] = Result(
                    contact_ref=message.contact_ref,
                    answer=Answer.UNAVAILABLE,
                    provider=self._name,
                    reason="FOLDER",
                )


class _Day:
    """The folder of a day, held by one process at a time."""

    def __init__(self, folder: Path, listed: set[str]) -> None:
        self._folder = folder
        self._listed = listed

    def keep(self, message: Message, content: bytes, pages: int) -> str:
        """The letter is a file and a line of the list; its name by day and ref."""
        file = self._folder / f"{message.contact_ref}.pdf"
        if message.contact_ref not in self._listed:
            _write(file, content)
            self._list(message, file, content, pages)
        return f"{self._folder.name}/{file.name}"

    def _list(self, message: Message, file: Path, content: bytes, pages: int) -> None:
        digest = hashlib.sha256(content).hexdigest()
        with (self._folder / MANIFEST).open("a", newline="", encoding="utf-8") as listing:
            rows = csv.writer(listing)
            if not listing.tell():
                rows.writerow(COLUMNS)
            rows.writerow(
                (message.contact_ref, file.name, pages, digest, message.sender, message.on)
            )
            listing.flush()
            os.fsync(listing.fileno())
        self._listed.add(message.contact_ref)


@contextmanager
def _day(folder: Path) -> Iterator[_Day]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield _Day(folder, _listed(folder / MANIFEST))


def _listed(manifest: Path) -> set[str]:
    """The refs of the list; a last line that a kill cut short is taken away first."""
    if not manifest.exists():
        return set()
    content = manifest.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    if whole != content:
        os.truncate(manifest, len(whole))
    return {row["contact_ref"] for row in csv.DictReader(whole.decode().splitlines())}


def _write(file: Path, content: bytes) -> None:
    """The file holds all of *content*, or is not there."""
    beside = file.with_suffix(".new")
    beside.unlink(missing_ok=True)
    beside.touch(mode=0o600)
    with beside.open("wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    beside.replace(file)


def letter(message: Message) -> tuple[bytes, int]:
    """A letter as PDF, the same bytes for the same message, and how many pages it has.

    Raises:
        ValueError: no font has all its characters.
    """
    font = _font(f"{message.sender}{message.recipient}{message.subject}{message.text}")
    body = ParagraphStyle(
        "body",
        fontName=font,
        fontSize=10.5,
        leading=16,
        alignment=TA_LEFT,
        spaceAfter=6,
        wordWrap=None if font == "Helvetica" else "CJK",
    )
    head = ParagraphStyle("head", body, fontSize=12.5, leading=18, spaceAfter=10)
    small = ParagraphStyle("small", body, fontSize=8, leading=11)
    story = [
        Paragraph(escape(message.sender), small),
        Spacer(0, 6 * mm),
        *(Paragraph(escape(line), body) for line in message.recipient.splitlines()),
        Spacer(0, 12 * mm),
        Paragraph(message.on.isoformat(), body),
        Spacer(0, 6 * mm),
        *([Paragraph(escape(message.subject), head)] if message.subject else []),
        *(
            Paragraph(escape(part).replace("\n", "<br/>"), body)
            for part in re.split(r"\n{2,}", message.text.strip())
        ),
    ]
    written = BytesIO()
    document = BaseDocTemplate(written, pagesize=A4, invariant=1, title=message.contact_ref)
    frame = Frame(25 * mm, 25 * mm, A4[0] - 50 * mm, A4[1] - 50 * mm, id="page")

    def foot(canvas: Canvas, _: BaseDocTemplate) -> None:
        canvas.setFont(font, 8)
        canvas.drawString(25 * mm, 14 * mm, message.contact_ref)
        canvas.drawRightString(A4[0] - 25 * mm, 14 * mm, str(canvas.getPageNumber()))

    document.addPageTemplates([PageTemplate(id="letter", frames=[frame], onPage=foot)])
    document.build(story)
    return written.getvalue(), document.page


def _font(text: str) -> str:
    if CONTROL.search(text):
        raise ValueError("a control character cannot be printed")
    for encoding, font in FONTS:
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            continue
        if encoding != "cp1252" and font not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(UnicodeCIDFont(font))
        return font
    raise ValueError("no font has all characters of this letter")
