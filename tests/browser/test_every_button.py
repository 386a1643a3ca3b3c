"""Each button of a person's pages is pressed, with and without scripts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import pytest
from _demo import Demo, demo
from _visitor import Visitor
from attrs import define, field

from devsess.cli._demo_site import ACCOUNT
from devsess.web.account.pages import ROUTES
from devsess.web.routing import find

# Pages of one route that a walk looks at.
ALIKE = 6
# Of which the last finds nothing new.
WALKS = 10
BUTTONS = "main form button"
Button: TypeAlias = tuple[str, str, str]


@define
class Presser:
    """
    A visitor who walks all links and presses each button of each page once.

    Those on the last pages of a walk come first: most of them end what the others are about.

    Attributes:
        here: The site.
        visitor: The browser.
        pressed: The buttons so far: the route of the page, that of its form, and the words.
    """

    here: Demo
    visitor: Visitor
    pressed: set[Button] = field(factory=set)

    def press_all(self) -> None:
        """Until a walk over all pages finds no button that is new."""
        for _ in range(WALKS):
            found = [*self._new_buttons()]
            if not found:
                return
            for page, button in reversed(found):
                if button not in self.pressed:
                    self._press(page, button)
            self.here.thief()  # somebody to be asked about, and to be ended
        raise AssertionError("there are always more buttons")

    def _new_buttons(self) -> Iterator[tuple[str, Button]]:
        """Each new button that a walk finds, with the path of its page."""
        if not self.visitor.path.startswith(ACCOUNT):
            self.visitor.sign_in()
        todo, seen, routes = [f"{ACCOUNT}/"], {f"{ACCOUNT}/"}, Counter[str]()
        for here in todo:
            self.visitor.page.goto(here)
            for button in self._buttons(here):
                if button not in self.pressed:
                    yield here, button
            for link in self.visitor.page.locator("a[href]").evaluate_all(_PATHS):
                is_new = link.startswith(ACCOUNT) and link not in seen
                seen.add(link)
                routes[_route(link)] += is_new
                if is_new and routes[_route(link)] <= ALIKE:
                    todo.append(link)

    def _buttons(self, here: str) -> list[Button]:
        found = self.visitor.page.locator(BUTTONS).evaluate_all(_ACTIONS)
        return [(_route(here), _route(to), re.sub(r"\d+", "N", words)) for to, words in found]

    def _press(self, here: str, button: Button) -> None:
        self.visitor.page.goto(here)
        buttons = self._buttons(here)
        if button not in buttons:
            return  # an earlier one has done its work
        at = buttons.index(button)
        with self.visitor.page.expect_navigation() as after:
            self.visitor.page.locator(BUTTONS).nth(at).click()
        answer = after.value
        assert answer is not None
        if answer.status == 401:  # after "it was not me" the person must prove that they are they
            self._prove()
            return
        assert answer.status < 400, f"{button}: {answer.status}"
        self.pressed.add(button)

    def _prove(self) -> None:
        self.visitor.page.locator("main a[href*=return_to]").click()
        self.visitor.press("Prove that it is you")


_PATHS = "all => all.map(it => new URL(it.href)).filter(it => it.origin == origin)\
.map(it => it.pathname)"
_ACTIONS = "all => all.map(it => [new URL(it.form.action).pathname, it.textContent.trim()])"


def _route(path: str) -> str:
    found = find(ROUTES, urlsplit(path).path.removeprefix(ACCOUNT) or "/")
    return found.route if found else path


CHANGES = {route for route, methods in ROUTES.items() if "POST" in methods}


@pytest.mark.thorough
@pytest.mark.parametrize("scripts", [True, False])
def test_every_button_is_pressed(
    visit: Callable[..., Visitor], tmp_path: Path, scripts: bool
) -> None:
    """Every change that the pages offer is reached by a button, and answered by a page."""
    with demo(tmp_path) as here:
        presser = Presser(here, visit(here.site, scripts=scripts))
        presser.press_all()
    assert set() == CHANGES - {to for _, to, _ in presser.pressed}
