"""A letter is a file that a print house can take, once, whole, in the right place."""

from __future__ import annotations

import csv
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path

from infra.channels.letter import COLUMNS, MANIFEST, LetterPort
from infra.channels.letter import letter as made
from infra.channels.message import Answer
from tests.infra.channels.samples import letter

DAY = "2026-11-23"


def listed(folder: Path, day: str = DAY) -> list[dict[str, str]]:
    with (folder / day / MANIFEST).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_letter_is_a_file_of_its_day_with_a_line_in_the_list(tmp_path: Path) -> None:
    sent = letter()

    [result] = LetterPort("print", tmp_path).send([sent])

    file = tmp_path / DAY / f"{sent.contact_ref}.pdf"
    content = file.read_bytes()
    assert (result.answer, result.provider_id) == (Answer.ACCEPTED, f"{DAY}/{file.name}")
    assert content.startswith(b"%PDF-")
    assert file.stat().st_mode & 0o077 == 0
    [line] = listed(tmp_path)
    assert tuple(line) == COLUMNS
    assert (line["contact_ref"], line["file"], line["pages"]) == (sent.contact_ref, file.name, "1")
    assert line["sha256"] == sha256(content).hexdigest()


def test_the_list_names_nobody(tmp_path: Path) -> None:
    LetterPort("print", tmp_path).send([letter()])

    manifest = (tmp_path / DAY / MANIFEST).read_text(encoding="utf-8")
    assert "张三" not in manifest
    assert "北京" not in manifest


def test_the_same_letter_again_changes_nothing(tmp_path: Path) -> None:
    sent = letter()
    port = LetterPort("print", tmp_path)
    [first] = port.send([sent])
    before = (tmp_path / DAY / f"{sent.contact_ref}.pdf").stat()

    [again] = LetterPort("print", tmp_path).send([replace(sent, text="anything else")])

    assert again == first
    assert (tmp_path / DAY / f"{sent.contact_ref}.pdf").stat().st_mtime_ns == before.st_mtime_ns
    assert len(listed(tmp_path)) == 1


def test_a_letter_whose_line_was_lost_by_a_kill_is_listed_when_it_comes_again(
    tmp_path: Path,
) -> None:
    one, two = letter(), letter()
    port = LetterPort("print", tmp_path)
    port.send([one, two])
    manifest = tmp_path / DAY / MANIFEST
    manifest.write_bytes(manifest.read_bytes()[:-10])

    port.send([two])

    assert [line["contact_ref"] for line in listed(tmp_path)] == [one.contact_ref, two.contact_ref]


def test_letters_of_several_days_are_in_their_days(tmp_path: Path) -> None:
    one, two, three = letter(), letter(on=date(2026, 11, 24)), letter()

    results = LetterPort("print", tmp_path).send([one, two, three])

    assert [each.contact_ref for each in results] == [
        each.contact_ref for each in (one, two, three)
    ]
    assert len(listed(tmp_path)) == 2
    assert len(listed(tmp_path, "2026-11-24")) == 1


def test_two_processes_write_one_list(tmp_path: Path) -> None:
    sent = [letter() for _ in range(20)]

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda half: LetterPort("print", tmp_path).send(half), (sent, sent)))

    refs = [line["contact_ref"] for line in listed(tmp_path)]
    assert sorted(refs) == sorted(each.contact_ref for each in sent)


def test_a_long_letter_has_numbered_pages_and_the_same_bytes_each_time() -> None:
    sent = letter(text="请按时还款。\n\n" * 400, subject="通知")

    content, pages = made(sent)

    assert pages > 3
    assert len(re.findall(rb"/Type /Page\b", content)) == pages
    assert made(sent)[0] == content


def test_markup_in_a_name_is_text() -> None:
    _, pages = made(letter(recipient="<b>A & B</b>\n1 <i> Road", text="</para> 5 < 6 & 7"))

    assert pages == 1


def test_a_letter_in_german_is_set(tmp_path: Path) -> None:
    sent = letter(recipient="Jörg Groß\nÄußere Straße 1", text="Über 100,00 €", sender="Beispiel")

    [result] = LetterPort("print", tmp_path).send([sent])

    assert result.answer == Answer.ACCEPTED


def test_a_letter_that_no_font_can_set_is_refused_rather_than_printed_with_gaps(
    tmp_path: Path,
) -> None:
    results = LetterPort("print", tmp_path).send([letter(text="₹ 500 हिन्दी"), letter()])

    assert [(each.answer, each.reason) for each in results] == [
        (Answer.REFUSED, "CHARACTERS"),
        (Answer.ACCEPTED, None),
    ]
    assert len(listed(tmp_path)) == 1


def test_a_folder_that_cannot_be_written_is_a_route_that_does_not_work(tmp_path: Path) -> None:
    file = tmp_path / "letters"
    file.write_text("in the way")
    port = LetterPort("print", file)

    [result] = port.send([letter()])
    [probe] = port.probe()

    assert (result.answer, result.reason) == (Answer.UNAVAILABLE, "FOLDER")
    assert (probe.holds, probe.reason) == (False, "FOLDER")


def test_half_a_character_and_a_control_are_refused_and_the_rest_goes_on(tmp_path: Path) -> None:
    sent = [letter(text="\ud83d"), letter(text="a\x00b"), letter()]

    results = LetterPort("print", tmp_path).send(sent)

    assert [each.answer for each in results] == [Answer.REFUSED, Answer.REFUSED, Answer.ACCEPTED]
