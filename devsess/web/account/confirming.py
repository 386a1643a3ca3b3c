"""
Second pages: a change that cannot be taken back asks first, on a page reached by GET.

After a person has proven themselves again a browser can return to such a page, not to a form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

if TYPE_CHECKING:
    from devsess.adapters._http import Answer
    from devsess.web.account.visit import AccountVisit


@frozen(kw_only=True)
class Question:
    """
    A page that asks before a change.

    Attributes:
        question: Its title.
        sentence: The effect of the change; it may name places.
        button: The answer that does it.
        action: The path that the form is sent to; it may name places of the route.
        back: The path of "Cancel".
        is_danger: Whether its button is red.
    """

    question: str
    sentence: str
    button: str
    action: str
    back: str = "/"
    is_danger: bool = False


def asked(visit: AccountVisit, question: Question, **values: object) -> Answer:
    """The page; *values* stand in the places of its texts."""
    say = visit.words.say
    return visit.page(
        "account/confirm.html",
        question=say(question.question, **values),
        sentence=say(question.sentence, **values),
        button=say(question.button),
        action=visit.link(question.action, **visit.values),
        back=visit.link(question.back, **visit.values),
        is_danger=question.is_danger,
        session=visit.session.id,
    )


def is_for_this_session(visit: AccountVisit) -> bool:
    """
    Whether the question was asked of the session that answers it.

    Another account may have signed in since, in another tab. A path that names a session or a
    device of the account needs no such check: it leads to nothing of another one.
    """
    return visit.form.get("session") == visit.session.id
