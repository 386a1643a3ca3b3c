"""Lists: as a table in a terminal of any width, as plain columns in a pipe."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from _terminal import drawn, drawn_piped, piped

from devsess import Client, SessionManager
from devsess.cli._table import Column, Table, cut, full, medium, short, width_of, wrapped
from devsess.models import Location
from devsess.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRET = "t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1"
USER = "zoë@例え.jp"
NOW = datetime(2026, 11, 26, 14, 3, tzinfo=UTC)
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
)
AGENTS = (PHONE, "AcmeInternalDeploymentAutomationTool/2.1 (+https://example.com)")
ADDRESSES = ("2001:db8:85a3:1234:5678:8a2e:370:7334", "102.89.77.21")
# Characters that move a cursor, clear a screen, or turn text around.
HOSTILE = "lost \x1b[2J\r\n\u202e phone \x9b31m on the bus"
CONTROLS = re.compile(r"[\x00-\x09\x0b-\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e]")
NAMES = ("居間のパソコン 大きいほう", "ada's old phone, that fell into the sea")
LISTS = (("list", "--all"), ("devices",), ("history",))


class Somewhere:
    """A locator that knows one place."""

    def locate(self, ip: str) -> Location:
        return Location(city="東京", country="日本")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of somebody with many devices, odd names and odd reasons."""
    path: Path = tmp_path_factory.mktemp("store") / "sessions.db"
    clock = FakeClock(datetime.now(UTC) - timedelta(days=400))
    with SessionManager(path, keys=SECRET, clock=clock, locator=Somewhere()) as sessions:
        made = []
        for number in range(30):
            client = Client(ADDRESSES[number % 2], AGENTS[number % 2])
            made.append(sessions.login(USER, client).session)
            clock.advance(timedelta(days=15 if number < 24 else 2))
        sessions.rename_device(USER, made[-1].device.id, NAMES[0])
        sessions.rename_device(USER, made[-2].device.id, NAMES[1])
        sessions.revoke(made[-3].id, reason=HOSTILE, actor="support " * 20)
        sessions.revoke(made[-4].id, reason="x" * 255)
        sessions.block_device(USER, made[-5].device.id)
        sessions.trust_device(USER, made[-1].device.id, datetime.now(UTC) + timedelta(days=60))
    return path


def ids(path: Path, command: str) -> set[str]:
    with SessionManager(path, keys=SECRET) as sessions:
        if command == "devices":
            return {device.id for device in sessions.devices(USER)}
        return {session.id for session in sessions.list(USER, include_ended=True)}


@pytest.mark.parametrize("width", [80, 120, 200])
@pytest.mark.parametrize("command", LISTS, ids=lambda each: each[0])
def test_a_list_fits_its_terminal(path: Path, command: tuple[str, ...], width: int) -> None:
    """No line is wider than the terminal, every id is whole, and UTC is said once."""
    code, shown = drawn(command[0], USER, *command[1:], "--store", str(path), width=width)
    lines = shown.splitlines()
    assert 0 == code
    assert [] == [line for line in lines if width_of(line) > width]
    assert set() == {each for each in ids(path, command[0]) if each not in shown}
    assert 1 == shown.count("UTC")
    assert None is CONTROLS.search(shown)


@pytest.mark.parametrize("width", [20, 40, 60])
def test_ids_are_whole_in_any_terminal(path: Path, width: int) -> None:
    """However narrow it is, the ids are there to be copied, and the state."""
    _, shown = drawn("list", USER, "--all", "--store", str(path), width=width)
    assert set() == {each for each in ids(path, "list") if each not in shown}
    assert "state" in shown


@pytest.mark.parametrize("command", LISTS, ids=lambda each: each[0])
def test_a_pipe_gets_all(path: Path, command: tuple[str, ...]) -> None:
    """In a pipe nothing is cut, instants are whole, and UTC is said once."""
    shown = drawn_piped(command[0], USER, *command[1:], "--store", str(path))
    assert "…" not in shown
    assert 1 == shown.count("UTC")
    assert None is CONTROLS.search(shown)
    long = "x" * 190
    expected = {
        "list": (
            "2001:db8:85a3::",
            "東京, 日本",
            "x" * 190,
            "AcmeInternalDeploymentAutomationTool",
        ),
        "devices": (
            "居間のパソコン 大きいほう",
            "ada's old phone, that fell into the sea",
            "blocked",
        ),
        "history": (long, "support support", "was ended by", "was blocked"),
    }
    assert [] == [each for each in expected[command[0]] if each not in shown]
    assert re.search(r"\b20\d\d-\d\d-\d\d \d\d:\d\d\b", shown)


@pytest.mark.parametrize(
    ("encoding", "form"),
    [
        ("ascii", []),
        ("latin-1", ["--json"]),
        pytest.param("ascii", ["--json"], marks=pytest.mark.thorough),
        pytest.param("latin-1", [], marks=pytest.mark.thorough),
        pytest.param("utf-8", [], marks=pytest.mark.thorough),
        pytest.param("utf-8", ["--json"], marks=pytest.mark.thorough),
    ],
)
def test_an_output_without_these_letters(path: Path, encoding: str, form: list[str]) -> None:
    """A terminal of another alphabet shows `?` in place of the missing letters, without a crash."""
    done = piped("list", USER, "--all", "--store", str(path), *form, PYTHONIOENCODING=encoding)
    assert (0, b"") == (done.returncode, done.stderr)
    assert b"AcmeInternalDeployment" in done.stdout


@pytest.mark.parametrize(
    ("form", "today", "this_year", "before"),
    [
        (full, "2026-11-26 09:05", "2026-03-04 09:05", "2025-12-31 09:05"),
        (medium, "09:05", "Mar  4 09:05", "2025-12-31 09:05"),
        (short, "09:05", "Mar  4", "2025-12-31"),
    ],
)
def test_instants_become_shorter(
    form: Callable[[datetime, datetime], str], today: str, this_year: str, before: str
) -> None:
    """An instant leaves out what it shares with now, and then its time of day."""
    days = [(2026, 11, 26), (2026, 3, 4), (2025, 12, 31)]
    instants = [datetime(*day, 9, 5, tzinfo=UTC) for day in days]
    assert [today, this_year, before] == [form(each, NOW) for each in instants]


@pytest.mark.parametrize(
    ("shown", "width"),
    [
        ("", 0),
        ("ada", 3),
        ("zoë", 3),
        ("zoe\u0308", 3),
        ("東京", 4),
        ("ｆｕｌｌ", 8),
        ("🦊", 2),
        ("\u1112\u1161\u11ab", 2),
        ("a\u200db", 2),
    ],
)
def test_the_width_of_text(shown: str, width: int) -> None:
    """Wide characters take two columns, marks and joiners none."""
    assert width == width_of(shown)


@pytest.mark.parametrize(
    ("shown", "most", "expected"),
    [
        ("Chrome on macOS", 15, "Chrome on macOS"),
        ("Chrome on macOS", 14, "Chrome on mac…"),
        ("Chrome on macOS", 8, "Chrome…"),
        ("東京都", 5, "東京…"),
        ("東京都", 4, "東…"),
        ("ne\u0301e", 3, "ne\u0301e"),
        ("ne\u0301es", 3, "ne\u0301…"),
    ],
)
def test_a_cut_is_seen(shown: str, most: int, expected: str) -> None:
    """A text that is cut ends in a mark, and no character is halved."""
    assert expected == cut(shown, most)
    assert width_of(cut(shown, most)) <= most


@pytest.mark.parametrize(
    ("said", "most", "expected"),
    [
        ("", 5, []),
        ("a bc def", 8, ["a bc def"]),
        ("a bc def", 7, ["a bc", "def"]),
        ("a bcdefgh i", 3, ["a", "bcd", "efg", "h i"]),
        ("東京 日本", 4, ["東京", "日本"]),
        ("東京都", 5, ["東京", "都"]),
        ("東京", 1, ["東", "京"]),
    ],
)
def test_a_sentence_goes_on_below(said: str, most: int, expected: list[str]) -> None:
    """It is broken at spaces, and a word where it is longer than a line; nothing is lost."""
    assert expected == wrapped(said, most)


class TestTable:
    def lines(self, width: int | None) -> list[str]:
        columns = [Column("id"), Column("name", least=4), Column("at", rank=1), Column("none")]
        return Table.of(columns, [["s1", "a long name", NOW, None]]).lines(width, NOW)

    @pytest.mark.parametrize(
        ("width", "row"),
        [
            (None, "s1  a long name  2026-11-26 14:03"),
            (33, "s1  a long name  2026-11-26 14:03"),
            (32, "s1  a long name  14:03"),
            (22, "s1  a long name  14:03"),
            (21, "s1  a long na…  14:03"),
            (15, "s1  a l…  14:03"),
            (14, "s1  a long na…"),
            (8, "s1  a l…"),
            (1, "s1  a l…"),
        ],
    )
    def test_the_order_of_shortening(self, width: int | None, row: str) -> None:
        """Instants become shorter, then cells are cut, then a column is left out."""
        assert row == self.lines(width)[2]

    def test_columns_without_content(self) -> None:
        """A column in which nothing stands is not shown."""
        assert ["id", "name", "at"] == self.lines(None)[0].split()

    def test_a_very_long_cell_shortens_no_instant(self) -> None:
        """A reason of a page is cut, and costs the others nothing."""
        table = Table([Column("at"), Column("why", least=4)], [[NOW, "x" * 90]])
        assert f"2026-11-26 14:03  {'x' * 31}…" == table.lines(50, NOW)[2]

    def test_the_widest_gives_way(self) -> None:
        """Cells are cut where most is left, and never below their header."""
        columns = [Column("a", least=2), Column("header", least=2)]
        table = Table(columns, [["x" * 9, "y" * 20]])
        assert ["x" * 9 + "  " + "y" * 8 + "…"] == table.lines(20, NOW)[2:]
        assert ["x…  yyyyy…"] == table.lines(1, NOW)[2:]


def test_show_fits_and_says_utc_once(path: Path) -> None:
    """In a terminal and in a pipe, the details of a session say UTC once."""
    [session_id, *_] = sorted(ids(path, "list"))
    _, shown = drawn("show", session_id, "--store", str(path))
    for text in (shown, drawn_piped("show", session_id, "--store", str(path))):
        assert 1 == text.count("UTC")
        assert None is CONTROLS.search(text)
        assert text.startswith(f"session        {session_id}")
