"""The people of a classroom: passwords that are shown once, and folders."""

import json
from pathlib import Path

from llamastack_workshop.classroom import hub, people, sheet


def test_a_password_is_shown_once_and_kept_as_a_hash(tmp_path: Path) -> None:
    everybody, passwords = people.enrolled([], 2)
    written = people.written(everybody)
    assert not any(password in written for password in passwords.values())
    file = tmp_path / "people.json"
    file.write_text(written, encoding="utf-8")
    again, shown = people.enrolled(people.read(file), 3)
    assert again[:2] == everybody and list(shown) == ["attendee-03"]
    assert again[0].has_password(f" {passwords['attendee-01'].upper()} ")
    assert not again[0].has_password(passwords["attendee-02"])


def test_fewer_people_lose_nobody_and_new_passwords_end_the_old_ones() -> None:
    everybody, passwords = people.enrolled([], 3)
    assert people.enrolled(everybody, 1) == (everybody, {})
    renewed, shown = people.enrolled(everybody, 3, new_passwords=True)
    assert [one.uid for one in renewed] == [one.uid for one in everybody] and len(shown) == 3
    assert not renewed[0].has_password(passwords["attendee-01"])


def test_the_sheet_has_a_slip_for_each_and_escapes() -> None:
    page = sheet.page("https://<room>:8000", {"attendee-01": "a&b", "attendee-02": "c"}, "AA:BB")
    assert page.count('class="slip"') == 2
    assert "https://&lt;room&gt;:8000" in page and "a&amp;b" in page and page.count("AA:BB") == 2


def test_a_folder_has_blank_chapters_and_what_they_read_beside_them(open_folder: Path) -> None:
    (person,), _ = people.enrolled([], 1)
    hub.make_folder(open_folder / person.name, person)
    work = open_folder / person.name / hub.WORK
    chapter = work / "01-server-setup.ipynb"
    assert "BEGIN SOLUTION" not in chapter.read_text(encoding="utf-8")
    assert (work / ".." / "run.yaml").is_file() and (work / ".." / "book" / "index.md").is_file()
    # Their answers stay.
    notebook = json.loads(chapter.read_text(encoding="utf-8"))
    notebook["cells"][0]["source"] = "mine"
    chapter.write_text(json.dumps(notebook), encoding="utf-8")
    hub.make_folder(open_folder / person.name, person)
    assert json.loads(chapter.read_text(encoding="utf-8"))["cells"][0]["source"] == "mine"
