"""Client hints and structured fields: strict, bounded, never an exception."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devsess._client import MAX_HINT
from devsess.devices.hints import SILENCE, Claim, boolean, read_hints, string, strings

CHROME = '"Not;A=Brand";v="8", "Chromium";v="137", "Google Chrome";v="137"'

LISTS = [
    ("", ()),
    ('"a"', ("a",)),
    ('  "a"  ', ("a",)),
    ('"a","b"', ("a", "b")),
    ('"a" \t,\t "b"', ("a", "b")),
    ('"a"\t', ("a",)),
    ('""', ("",)),
    (r'"a\"b\\c"', ('a"b\\c',)),
    ('"a,b;c=d"', ("a,b;c=d",)),
    ('"a";v="1";x;y=?1;z=-1.5;t=tok/en;b=:YQ==:;d=@1;s=%"%c3%a9"', ("a",)),
    ('"a";  v=1', ("a",)),
    ('"a";v=1;v=2', ("a",)),
]
BROKEN_LISTS = [
    "a",
    "1",
    "?1",
    '("a" "b")',
    '"a',
    'a"',
    '"a" "b"',
    '"a",',
    '"a",,"b"',
    ',"a"',
    '"a", b',
    r'"a\x"',
    '"a\x00"',
    '"é"',
    "'a'",
    '"a";',
    '"a" ;v=1',
    '"a";V=1',
    '"a";v= 1',
    '"a";v=',
    '"a";v="x',
    '"a";v=1.',
    '"a";v=1.2345',
    '"a";v=1234567890123456',
    '"a";v=?2',
    '"a";v=:*:',
]


@pytest.mark.parametrize(("field", "expected"), LISTS)
def test_a_list_gives_its_strings_in_order(field: str, expected: tuple[str, ...]) -> None:
    """A well-formed list field gives its strings, without parameters."""
    actual = strings(field)

    assert expected == actual


@pytest.mark.parametrize("field", BROKEN_LISTS)
def test_one_error_fails_the_whole_list(field: str) -> None:
    """A list with one error, or one member that is no string, gives nothing."""
    alone, beside = strings(field), strings(f'"good", {field}')

    assert alone == ()
    assert beside == ()


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ('"Windows"', "Windows"),
        (' "Windows";a=1 ', "Windows"),
        (r'"a\\b"', r"a\b"),
        ('""', None),
        ("Windows", None),
        ('"Windows", "macOS"', None),
        ('"Windows"\n', None),
        ("", None),
        (None, None),
    ],
)
def test_a_string_is_one_quoted_item(field: str | None, expected: str | None) -> None:
    """Only a quoted string, alone in its field, is a string; an empty one says nothing."""
    actual = string(field)

    assert expected == actual


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("?1", True),
        ("?0", False),
        (" ?1;a ", True),
        ("1", None),
        ("?2", None),
        ("true", None),
        ('"?1"', None),
        ("?1, ?1", None),
        ("", None),
        (None, None),
    ],
)
def test_a_boolean_is_question_mark_one_or_zero(field: str | None, expected: bool | None) -> None:
    """Only ?1 and ?0 are booleans."""
    actual = boolean(field)

    assert expected == actual


@pytest.mark.parametrize(
    ("brands", "expected"),
    [
        (CHROME, "Chrome"),
        ('"Google Chrome", "Chromium", "Not;A=Brand"', "Chrome"),
        ('"Chromium", "(Not(A:Brand"', "Chromium"),
        ('"Not)A;Brand", "Microsoft Edge", "Chromium"', "Edge"),
        ('"Microsoft Edge WebView2", "Microsoft Edge", "Chromium"', "Edge"),
        ('"Opera GX", "Chromium", " Not A;Brand"', "Opera"),
        ('"Opera GX Android", "Chromium", " Not A;Brand"', "Opera"),
        ('"OperaMobile", "Chromium", " Not A;Brand"', "Opera"),
        ('"Brave Browser", "Chromium"', "Brave"),
        ('"AvastSecureBrowser", "Chromium"', "Avast Secure Browser"),
        ('"Avast Secure Browser", "Chromium"', "Avast Secure Browser"),
        ('"AVG Secure Browser", "Chromium"', "AVG Secure Browser"),
        ('"Norton Secure Browser", "Chromium"', "Norton Private Browser"),
        ('"XiaoMiBrowser", "Chromium"', "Mi Browser"),
        ('"Miui Browser", "Chromium"', "Mi Browser"),
        ('"HuaweiBrowser", "Chromium"', "Huawei Browser"),
        ('"YaBrowser", "Yowser", "Chromium"', "Yandex Browser"),
        ('"Yowser", "Chromium"', "Yandex Browser"),
        ('"Microsoft Edge WebView2", "Chromium"', "Edge"),
        ('"WebView2", "Chromium"', "Edge"),
        ('"Brave", "Google Chrome", "Chromium"', "Brave"),
        ('"Android WebView", "Chromium", "Not/A)Brand"', "WebView"),
        ('"A Browser Nobody Knows", "Chromium"', "A Browser Nobody Knows"),
        ('"Not_A Brand", "?!", ""', "unknown"),
        ('"Unknown"', "unknown"),
        (f'"{"x" * 500}"', "x" * 48),
        ("Chrome", "unknown"),
    ],
)
def test_the_most_telling_brand_counts(brands: str, expected: str) -> None:
    """GREASE is no brand, an engine gives way to a product, and any product is accepted."""
    actual = read_hints({"Sec-CH-UA": brands}).browser

    assert expected == actual


@given(st.permutations(['"Brave"', '"Vivaldi"', '"Google Chrome"', '"Chromium"', '"Not A;Brand"']))
def test_the_order_of_brands_means_nothing(brands: list[str]) -> None:
    """However a browser shuffles its brands, the answer is the same."""
    actual = read_hints({"sec-ch-ua": ", ".join(brands)}).browser

    assert actual == "Brave"


def test_a_list_begins_without_a_tab() -> None:
    """Space before a list is dropped, a tab is not: it fails the field."""
    actual = strings('\t"a"')

    assert actual == ()


def test_the_full_version_list_stands_in_for_broken_brands() -> None:
    """Where Sec-CH-UA is missing or malformed, the full version list names the browser."""
    full = '"Google Chrome";v="137.0.7151.104"'

    actual = [
        read_hints({"Sec-CH-UA-Full-Version-List": full}).browser,
        read_hints({"Sec-CH-UA": '"Edge', "Sec-CH-UA-Full-Version-List": full}).browser,
    ]

    assert actual == ["Chrome", "Chrome"]


@pytest.mark.parametrize(
    ("platform", "version", "expected"),
    [
        ("Windows", '"19.0.0"', "Windows 11"),
        ("Windows", '"13.0.0"', "Windows 11"),
        ("Windows", '"12.9"', "Windows 10"),
        ("Windows", '"1.0.0"', "Windows 10"),
        ("Windows", '"0.3.0"', "Windows 8.1"),
        ("Windows", '"0.2"', "Windows 8"),
        ("Windows", '"0.1.0"', "Windows 7"),
        ("Windows", '"0.0.0"', "Windows"),
        ("Windows", '"0"', "Windows"),
        ("Windows", '""', "Windows"),
        ("Windows", '"99999999999"', "Windows"),
        ("Windows", '"eleven"', "Windows"),
        ("Windows", "15", "Windows"),
        ("macOS", '"15.5.0"', "macOS"),
        ("Chromium OS", '"16000"', "Chrome OS"),
        ("Unknown", '"15"', "unknown"),
        ("", '"15"', "unknown"),
    ],
)
def test_only_windows_is_called_by_its_version(platform: str, version: str, expected: str) -> None:
    """Windows 11 begins at platform version 13, 10 at 1; other systems go by their family."""
    headers = {"Sec-CH-UA-Platform": f'"{platform}"', "Sec-CH-UA-Platform-Version": version}

    actual = read_hints(headers).place

    assert expected == actual


@pytest.mark.parametrize(
    ("platform", "mobile", "form_factors", "expected"),
    [
        ("Android", "?1", None, "phone"),
        ("Android", "?0", None, "tablet"),
        ("Android", None, None, "unknown"),
        ("Windows", "?0", None, "desktop"),
        ("macOS", None, None, "desktop"),
        ("Fuchsia", "?0", None, "unknown"),
        ("Android", "?0", '"Mobile"', "phone"),
        ("Android", "?1", '"XR", "Tablet"', "tablet"),
        ("Android", "?1", '"Watch"', "phone"),
        ("Android", "?1", "Tablet", "phone"),
    ],
)
def test_the_kind_follows_form_factor_then_mobile(
    platform: str, mobile: str | None, form_factors: str | None, expected: str
) -> None:
    """A form factor says the kind; without one, the platform and Sec-CH-UA-Mobile do."""
    sent = {
        "Sec-CH-UA-Platform": f'"{platform}"',
        "Sec-CH-UA-Mobile": mobile,
        "Sec-CH-UA-Form-Factors": form_factors,
    }

    actual = read_hints({name: value for name, value in sent.items() if value}).kind

    assert expected == actual


@pytest.mark.parametrize("spell", [str.lower, str.upper, str.title, str.swapcase])
def test_names_are_compared_without_regard_to_case(spell: Callable[[str], str]) -> None:
    """However a server spells a header's name, its hint is found."""
    headers = {spell("Sec-CH-UA"): CHROME, spell("Sec-CH-UA-Platform"): '"macOS"'}

    actual = read_hints(headers)

    assert actual == Claim("Chrome", "macOS", "macOS", "desktop")


@pytest.mark.parametrize(
    "headers",
    [
        None,
        {},
        {"User-Agent": "x"},
        {b"sec-ch-ua": CHROME.encode()},
        {"sec-ch-ua": CHROME.encode()},
        {"sec-ch-ua": None},
        {"sec-ch-ua": CHROME + " " * MAX_HINT},
        {1: 2, None: 3, "sec-ch-ua-model": ["Pixel"]},
    ],
)
def test_other_headers_are_no_hints(headers: Any) -> None:
    """Other headers, other types and oversized values are as good as not sent."""
    actual = read_hints(headers)

    assert actual is SILENCE


def test_a_soup_of_headers_hides_no_hint() -> None:
    """Ten thousand other headers neither hide a hint nor are kept."""
    soup = {f"X-Header-{number}": "x" for number in range(10_000)}

    actual = read_hints({**soup, "Sec-CH-UA": CHROME})

    assert actual == Claim(browser="Chrome")


@given(st.text(max_size=200))
def test_no_text_breaks_the_parser(text: str) -> None:
    """Parsing a field of any text ends with an answer of printable ASCII."""
    found = (*strings(text), string(text) or "", str(boolean(text)))

    assert all(part.isascii() and part.isprintable() for part in found)


@given(st.lists(st.text(st.characters(min_codepoint=32, max_codepoint=126)), max_size=5))
def test_a_written_list_is_read_back(words: list[str]) -> None:
    """Strings survive being written as RFC 9651 says and read again."""
    escaped = (word.replace("\\", "\\\\").replace('"', '\\"') for word in words)
    field = ", ".join(f'"{word}"' for word in escaped)

    actual = strings(field)

    assert actual == tuple(words)


@pytest.mark.parametrize("unit", ['"a"', ";a", '"a";a=1', '"\\', "a", '"a",', ';a="', " ", "?"])
def test_repetition_does_not_slow_the_parser(unit: str) -> None:
    """A hint of a thousand repeated pieces is answered, not chewed on for ever."""
    field = ('"x"' + unit * MAX_HINT)[: MAX_HINT - 1] + "!"

    actual = strings(field), string(field), boolean(field)

    assert actual == ((), None, None)
