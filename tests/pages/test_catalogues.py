"""The words of the pages: every message in every language, with its places and plural forms."""

from __future__ import annotations

import re
from gettext import GNUTranslations

import pytest
from _messages import Message, messages
from markupsafe import Markup

from devsess.adapters._http import Request
from devsess.models import EventType
from devsess.operations.explaining import OF_SESSION
from devsess.stores.counting import WAYS
from devsess.web.account import sentences
from devsess.web.admin import ending, explained, saying
from devsess.web.catalogue import LANGUAGES, SOURCE, compiled, source, translations
from devsess.web.catalogue import messages as read
from devsess.web.words import Words, clipped, isolated, words_for

OTHERS = [language for language in LANGUAGES if language != SOURCE]
FORMS = {"ar": 6, "de": 2, "es": 2, "fr": 2}
ALL = messages()


def places(text: str) -> set[str]:
    """The named places of a message."""
    return set(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_is_translated(language: str) -> None:
    """A catalogue has each message of templates and code, and no other."""
    found = read(source(language))
    del found[""]
    assert {it.key for it in ALL} == set(found)


@pytest.mark.parametrize("language", OTHERS)
def test_every_plural_has_its_forms(language: str) -> None:
    """A message about a number has as many forms as the language."""
    found = read(source(language))
    counts = {it.key: found[it.key].count("\0") + 1 for it in ALL if it.plural}
    assert {FORMS[language]} == set(counts.values())


@pytest.mark.parametrize("language", OTHERS)
def test_every_place_is_kept(language: str) -> None:
    """A translation has the places of its message; a form for one number may leave it out."""
    found = read(source(language))

    def wrong(message: Message) -> bool:
        wanted = places(message.text)
        optional = {"n"} if message.plural else set()
        forms = [places(form) for form in found[message.key].split("\0")]
        return any(not wanted - optional <= form <= wanted for form in forms)

    assert [] == [it.text for it in ALL if wrong(it)]


@pytest.mark.parametrize("language", OTHERS)
def test_no_message_is_left_in_english(language: str) -> None:
    """A translation of a sentence is no copy of it."""
    found = read(source(language))
    copied = [it.text for it in ALL if " " in it.text and found[it.key] == it.key]
    # Some are made of places alone.
    assert [] == [text for text in copied if re.sub(r"\{\w+\}|\W", "", text)]


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (0, "نشط قبل أقل من يوم"),
        (1, "نشط قبل يوم واحد"),
        (2, "نشط قبل يومين"),
        (3, "نشط قبل 3 أيام"),
        (11, "نشط قبل 11 يومًا"),
        (100, "نشط قبل 100 يوم"),
    ],
)
def test_arabic_counts_in_six_ways(n: int, expected: str) -> None:
    """Each of the six plural forms of Arabic is chosen by its number."""
    arabic = Words("ar", translations("ar"))

    assert expected == arabic.plural("Active {n} day ago", "Active {n} days ago", n)


def test_gettext_reads_what_is_compiled() -> None:
    """A compiled catalogue has context, plural and text as the source has them."""
    text = (
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n'
        '"Plural-Forms: nplurals=2; plural=n != 1;\\n"\n\n'
        'msgctxt "month"\nmsgid "May"\nmsgstr "Mai"\n\n'
        '# a comment\nmsgid "{n} day"\nmsgid_plural "{n} days"\n'
        'msgstr[0] "{n} Tag"\nmsgstr[1] "{n} "\n"Tage"\n\nmsgid "empty"\nmsgstr ""\n'
    )
    import io

    made = GNUTranslations(io.BytesIO(compiled(text)))

    assert ["Mai", "May", "{n} Tag", "{n} Tage", "empty"] == [
        made.pgettext("month", "May"),
        made.gettext("May"),
        made.ngettext("{n} day", "{n} days", 1),
        made.ngettext("{n} day", "{n} days", 2),
        made.gettext("empty"),
    ]


def asking(header: str) -> Request:
    """A request with an Accept-Language header."""
    return Request("GET", "", "/", "", "https", {"accept-language": header})


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("it,fr;q=0.5", "fr"),
        ("en;q=0.5, ar-EG;q=0.7", "ar"),
        ("de;q=0, es;q=0.1", "es"),
        ("it", "en"),
        ("*", "en"),
        ("; ; ,,,q=1", "en"),
        ("de;q=nan", "en"),
        (", ".join(["xx"] * 5000), "en"),
    ],
)
def test_the_browser_chooses_a_language(header: str, expected: str) -> None:
    """The language is the best of ours by the header; what cannot be read is passed over."""
    assert expected == words_for(asking(header), None).language


@pytest.mark.parametrize(
    ("chosen", "expected"), [("fr", "fr"), ("pt-BR", "de"), (None, "de"), ("../../etc", "de")]
)
def test_the_application_chooses_a_language(chosen: str | None, expected: str) -> None:
    """An application's choice comes first, where the language is there."""
    assert expected == words_for(asking("de"), lambda _: chosen).language
    assert expected == words_for(asking("de"), chosen).language


def test_arabic_runs_from_the_right() -> None:
    """A page in Arabic says that its script runs from right to left."""
    assert {"ar": "rtl", "de": "ltr", "en": "ltr", "es": "ltr", "fr": "ltr"} == {
        it: Words(it).direction for it in LANGUAGES
    }


def test_values_are_escaped_and_sentences_too() -> None:
    """A value in a sentence is text, whatever is in it; braces in it are no places."""
    said = Words().say("Near {place}", place="<b>{0.__class__}</b> & co")

    assert "Near &lt;b&gt;{0.__class__}&lt;/b&gt; &amp; co" == said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ada’s phone", "<bdi>Ada’s phone</bdi>"),
        ("<script>alert(1)</script>", "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>"),
        ("a\u202eb\u2066c\u200fd\x00e\nf", "<bdi>abcdef</bdi>"),
        ("x" * 10_000, f"<bdi>{'x' * 63}…</bdi>"),
        ("\ud800", "<bdi>�</bdi>"),
        ("", "<bdi></bdi>"),
        (Markup("<i>x</i>"), "<bdi>&lt;i&gt;x&lt;/i&gt;</bdi>"),
    ],
)
def test_text_of_others_is_harmless(text: str, expected: str) -> None:
    """Text of others is clipped, without controls, escaped, and in a direction of its own."""
    assert expected == isolated(text)


def test_a_name_of_the_greatest_length_is_whole() -> None:
    """A name that devsess keeps is never clipped."""
    assert "x" * 64 == clipped("x" * 64)


def test_the_history_has_words_for_every_event_and_reason() -> None:
    """Each type, reason and signal that devsess writes has its message."""
    from devsess.history import words

    assert set(EventType) == set(sentences.TITLES)
    written = {(kind, it) for kind, many in words.REASONS.items() for it in many}
    written.add((EventType.SESSION_REVOKED, ending.REASON))
    assert written == {(kind, it) for kind, many in sentences.REASONS.items() for it in many}
    assert set(words.SIGNALS) == set(sentences.SIGNALS)


def test_operators_have_words_for_every_reason() -> None:
    """What ended a session is in the page's language, in its tag and in the statistics."""
    on_owners_page = sentences.REASONS[EventType.SESSION_REVOKED]
    assert not {*WAYS, *on_owners_page, ending.REASON} - set(saying.REASONS)


def test_every_check_has_its_words() -> None:
    """A check that an explanation has is said where it passes and where it was not reached."""
    assert set(OF_SESSION) - {"risk"} == set(explained.PASSED) == set(explained.SUBJECTS)


def test_every_method_has_its_word() -> None:
    """Each method that the history has words for has one here, or none in both."""
    from devsess.history import words
    from devsess.web.account.methods import METHODS

    assert dict(words.METHODS) == dict(METHODS)
