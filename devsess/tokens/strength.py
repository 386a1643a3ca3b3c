"""
How hard a secret is to guess: people's habits against chance.

A secret is described in as few bits as possible, in a language that has short
names for people's habits: well-known words, letters that follow each other as
in words, repeats, runs such as "1234", few distinct characters. A random secret
has no short description, except by luck. How seldom that happens is known: each
description is an entry of a prefix code, so by Kraft's inequality fewer than one
random secret in 2 to the power of *n* has a description that is *n* bits shorter
than itself. This holds for each of the two codes, and for any set of characters.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from typing import TypeAlias

# A secret is refused if its description takes fewer bits than LEAST, and LUCK bits
# fewer than a random one's: that happens to one random secret in four billion.
# LEAST is far above the 128 bits wanted, for a real guesser knows more habits than these.
LEAST = 208.0
LUCK = 32.0
# Characters that are looked at: a secret that is strong needs no more of them.
_ENOUGH = 512

# Most likely first: the n-th costs about log2(n) bits.
_TEXT = """
secret key my the password your change me token this is in to for with and of be it jwt production
dev development test testing tests changeme replace default example sample django insecure flask
fastapi app application api auth session sessions cookie sign signing signature super very long
random string at least characters bytes bits chars must should use used please not do secure
security private public server admin root user users login access refresh master main local
localhost value env config settings temp temporary demo prod stage staging live devsess python web
site service backend frontend database db data store host port name email mail client company corp
inc foo bar baz qux hello world welcome letmein iloveyou monkey dragon football baseball sunshine
shadow princess qwerty qwertyuiop asdf asdfghjkl zxcv zxcvbnm abc abcd xyz pass phrase passphrase
word words pwd passwd hmac sha aes rsa encryption encrypt crypto hash salt seed nonce keyboard cat
correct horse battery staple quick brown fox jumps over lazy dog you he she we they are was has
have had will can could would that these those on by from or as if but no yes all any some one two
three four five six seven eight nine ten only never ever always here there when where what who
which how why nobody know knows guess anyone everybody someone thing something nothing than then
more most much many good best better strong weak enough really real new old make made generate
generated put get set need want every first last next time day year our own its his her their up
down out into under about after before between through red green blue black white big small little
great high low fast slow hot cold love life work home house car book water fire earth sun moon
star sky tree lorem ipsum dolor sit amet etc run var lib usr opt srv tmp mnt keys certs ssl pem
file path secrets folder conf
"""
_WORDS = _TEXT.split()
_HARMONIC = sum(1 / rank for rank in range(1, len(_WORDS) + 1))
_COSTS = {word: math.log2(rank * _HARMONIC) for rank, word in enumerate(_WORDS, 1)}
_BEGINNING = {word[:2]: [it for it in _WORDS if it[:2] == word[:2]] for word in _WORDS}
_LEET = str.maketrans("@0134$57", "aoieasst")
_SEPARATORS = " -_./:\n"
_AROUND = b" \t\r\n\"'{}[]()<>"
_LETTERS = frozenset(string.ascii_lowercase)
_CAPITALS = frozenset(string.ascii_uppercase)

_ALPHABETS = tuple(
    frozenset(characters)
    for characters in (
        string.digits,
        string.digits + "abcdef",
        string.digits + "ABCDEF",
        string.ascii_lowercase,
        string.ascii_uppercase,
        string.digits + string.ascii_lowercase,
        string.digits + string.ascii_uppercase,
        string.ascii_letters,
        string.digits + string.ascii_letters,
        string.digits + string.ascii_letters + "+/=",
        string.digits + string.ascii_letters + string.punctuation,
    )
)


# A way to describe some characters: its kind, from where, to where, bits.
_Step: TypeAlias = tuple[str, int, int, float]

# The chance that a kind of step follows, after a single character and after any other
# step; each column adds up to one.
_CHANCES = {
    "single": (0.84, 0.13),
    "word": (0.04, 0.5),
    "letters": (0.04, 0.25),
    "repeat": (0.04, 0.06),
    "run": (0.04, 0.06),
}
_KIND = {kind: (-math.log2(a), -math.log2(b)) for kind, (a, b) in _CHANCES.items()}


def is_guessable(secret: bytes) -> bool:
    """Whether *secret* looks made up by a person rather than by a generator."""
    # A newline comes from a file, quotes and braces from a setting, and none from chance.
    text = (secret.strip(_AROUND) or secret)[:_ENOUGH].decode("latin-1")
    size = _alphabet_size(text)
    bits = min(_by_counts(text, size), _by_habits(text, size))
    return bits < LEAST and bits <= len(text) * math.log2(size) - LUCK


def _alphabet_size(text: str) -> int:
    """How many characters a generator of such texts chooses from."""
    used = set(text)
    separators = used & set(_SEPARATORS)
    plain = used - separators
    # Letters with separators, and not a digit among them, are a sentence.
    least = 62 if separators and plain <= _LETTERS | _CAPITALS else 0
    sizes = [len(alphabet) for alphabet in _ALPHABETS if plain <= alphabet]
    return max(min(sizes, default=256 - len(separators)), least) + len(separators)


def _by_counts(text: str, size: int) -> float:
    """Bits of a code that counts the characters so far: few distinct ones are cheap."""
    # As many as these characters take in any order (Krichevsky and Trofimov 1981).
    order = math.lgamma(len(text) + size / 2) - math.lgamma(size / 2)
    counts = Counter(text).values()
    chosen = sum(math.lgamma(count + 0.5) - math.lgamma(0.5) for count in counts)
    return (order - chosen) / math.log(2)


def _by_habits(text: str, size: int) -> float:
    """Bits of the shortest description in steps, found from the front."""
    steps: list[list[_Step]] = [
        [("single", at, at + 1, math.log2(size))] for at in range(len(text))
    ]
    for find in (_words, _letters, _repeats, _runs):
        for step in find(text):
            steps[step[1]].append(step)
    after_single = [0.0] + [math.inf] * len(text)
    after_more = [math.inf] * (len(text) + 1)
    for at, starting in enumerate(steps):
        for kind, _, end, bits in starting:
            single, more = _KIND[kind]
            total = min(after_single[at] + single, after_more[at] + more) + bits
            reached = after_single if kind == "single" else after_more
            reached[end] = min(reached[end], total)
    return min(after_single[-1], after_more[-1])


def _words(text: str) -> Iterator[_Step]:
    """Well-known words, as they are or with capitals and digits that look like letters."""
    small = text.lower()
    plain = small.translate(_LEET)
    for at in range(len(text) - 1):
        for written in (small,) if small[at : at + 9] == plain[at : at + 9] else (small, plain):
            for word in _BEGINNING.get(written[at : at + 2], ()):
                if written.startswith(word, at):
                    end = at + len(word)
                    changed = 0.0 if text[at:end] == word else len(word) * math.log2(3)
                    yield from _separated("word", text, at, end, _COSTS[word] + changed)


def _letters(text: str) -> Iterator[_Step]:
    """Three letters or more, up to the last, that follow each other as they do in words."""
    follows = _follows()
    for found in re.finditer("[a-z]{3,}", text.lower()):
        first, end = found.span()
        plain = text[first:end].islower()
        behind = 0.0
        for at in range(end - 2, first - 1, -1):
            behind += follows[found.string[at]][found.string[at + 1]]
            if (length := end - at) > 2:
                bits = behind + follows[""][found.string[at]] + _size_bits(length - 2)
                changed = 0 if plain else length
                yield from _separated("letters", text, at, end, bits + changed)


def _separated(kind: str, text: str, at: int, end: int, bits: float) -> Iterator[_Step]:
    """
    A step with the separator that follows it, and without.

    Beside *bits*: one bit for the separator, one for whether all letters are small.
    """
    yield kind, at, end, bits + 2
    if end < len(text) and text[end] in _SEPARATORS:
        yield kind, at, end + 1, bits + 2 + math.log2(len(_SEPARATORS))


def _repeats(text: str) -> Iterator[_Step]:
    """Two characters or more that came before."""
    places: dict[str, list[int]] = {}  # the first and the latest of each pair
    for at in range(len(text) - 1):
        pair = text[at : at + 2]
        for start in places.get(pair, ()):
            end = at + 2
            while end < len(text) and text[end] == text[start + end - at]:
                end += 1
            yield "repeat", at, end, math.log2(at) + _size_bits(end - at - 1)
        places[pair] = [*places.get(pair, ())[:1], at]


def _runs(text: str) -> Iterator[_Step]:
    """Characters that go on by one up, one down, or the same, to the last that does."""
    codes = [ord(character) for character in text]
    steps = [other - one for one, other in pairwise(codes)]
    end = len(text)
    for at in range(len(steps), 0, -1):
        step = steps[at - 1]
        if at < len(steps) and step != steps[at]:
            end = at + 1
        if abs(step) <= 1:
            yield "run", at, end, math.log2(3) + _size_bits(end - at)


def _size_bits(size: int) -> int:
    """Bits to write a number of 1 or more (Elias's gamma code)."""
    return 2 * size.bit_length() - 1


@cache
def _follows() -> dict[str, dict[str, float]]:
    """Bits to say which letter follows another, or begins a word (""), as the words have it."""
    pairs = Counter(pair for word in _WORDS for pair in pairwise(("", *word)))
    found: dict[str, dict[str, float]] = {}
    for before in ("", *string.ascii_lowercase):
        weights = [pairs[before, letter] + 0.5 for letter in string.ascii_lowercase]
        found[before] = dict(zip(string.ascii_lowercase, _as_bits(weights), strict=True))
    return found


def _as_bits(weights: Sequence[float]) -> list[float]:
    return [math.log2(sum(weights) / weight) for weight in weights]
