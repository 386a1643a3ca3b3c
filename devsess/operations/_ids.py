"""Many ids in little memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import overload


class Ids(Sequence[str]):
    """
    Ids in the order of *pages*; each is made when it is asked for.

    A list of a million takes 80 MB; this takes the length of their texts.
    """

    def __init__(self, pages: Iterable[Sequence[str]]) -> None:
        kept = [page for page in pages if page]
        self._pages = tuple("\0".join(page) for page in kept)
        self._ends = tuple(accumulate(len(page) for page in kept))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...
    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        if isinstance(place, slice):
            return [self[at] for at in range(*place.indices(len(self)))]
        at = range(len(self))[place]
        page = bisect_right(self._ends, at)
        start = self._ends[page - 1] if page else 0
        return self._pages[page].split("\0")[at - start]

    def __iter__(self) -> Iterator[str]:
        for page in self._pages:
            yield from page.split("\0")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(
            one == another for one, another in zip(self, other, strict=True)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{len(self)} ids>"
