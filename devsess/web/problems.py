"""Pages that say why there is no other: an error, and what a person can do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from devsess.adapters._problem import RETRY_AFTER
from devsess.web.words import msg

if TYPE_CHECKING:
    from devsess.adapters._http import Answer, Header
    from devsess.web.visit import Visit

# Title and sentence of each status; one without a line has those of 400.
PROBLEMS: Final[Mapping[int, tuple[str, str]]] = {
    400: (msg("This request cannot be read"), msg("Go back and try again.")),
    401: (msg("You are not signed in"), msg("Sign in to see this page.")),
    403: (
        msg("This was not done"),
        msg("The request did not come from this page. Go back, load the page again and try again."),
    ),
    404: (msg("There is no such page"), msg("It may be gone, or it was never there.")),
    405: (msg("This request cannot be read"), msg("Go back and try again.")),
    413: (msg("This request is too long"), msg("Go back and try again.")),
    503: (
        msg("Please try again in a moment"),
        msg("Your sessions cannot be read right now. You are still signed in."),
    ),
}


def problem_page(visit: Visit, status: int, *headers: Header) -> Answer:
    """The page of an error."""
    title, sentence = PROBLEMS.get(status) or PROBLEMS[400]
    if status == 503:
        headers = (*headers, ("Retry-After", RETRY_AFTER))
    say = visit.words.say
    return visit.page("problem.html", status, headers, title=say(title), sentence=say(sentence))
