"""Each button of both apps is pressed, with and without scripts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

import pytest
from _demo import Demo, demo
from _visitor import Visitor
from attrs import define, field, frozen

from devsess.web.account import pages as account
from devsess.web.admin import pages as admin
from devsess.web.routing import find

# Pages of one kind that a walk looks at.
ALIKE = 6
# Of which the last finds nothing new.
WALKS = 10
BUTTONS = "form button"
Button: TypeAlias = tuple[str, str, str]


@frozen
class App:
    """Pages: where they are mounted, their routes, and the way in."""

    mount: str
    routes: Any
    enter: Callable[[Visitor, Demo], object]

    def route(self, address: str) -> str:
        """The route of an address below the mount, or the path of another."""
        path = urlsplit(address).path
        found = find(self.routes, path.removeprefix(self.mount) or "/")
        return found.route if found and path.startswith(self.mount) else path

    def kind(self, address: str) -> tuple[str, ...]:
        """Its route and what it asks about: sessions of days are no sessions of somebody."""
        return (self.route(address), *sorted(parse_qs(urlsplit(address).query)))

    @property
    def changes(self) -> set[str]:
        """The routes that change something."""
        return {route for route, methods in self.routes.items() if "POST" in methods}


ACCOUNT = App("/account", account.ROUTES, lambda visitor, _: visitor.sign_in())
OPERATORS = App("/operators", admin.ROUTES, lambda visitor, here: visitor.go(here.link))


@define
class Presser:
    """
    A visitor who walks all links and presses each button of each page once.

    Those on the last pages of a walk come first: most of them end what the others are about.

    Attributes:
        here: The site.
        visitor: The browser.
        app: The pages.
        pressed: The buttons so far: the route of the page, that of its form, and the words.
    """

    here: Demo
    visitor: Visitor
    app: App
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
        if not self.visitor.path.startswith(self.app.mount):
            self.app.enter(self.visitor, self.here)
        start = f"{self.app.mount}/"
        todo, seen, alike = [start], {start}, Counter[tuple[str, ...]]()
        for here in todo:
            self.visitor.page.goto(here)
            for button in self._buttons(here):
                if button not in self.pressed:
                    yield here, button
            for link in self.visitor.page.locator("a[href]").evaluate_all(_PATHS):
                is_new = link.startswith(start) and link not in seen
                seen.add(link)
                alike[self.app.kind(link)] += is_new
                if is_new and alike[self.app.kind(link)] <= ALIKE:
                    todo.append(link)

    def _buttons(self, here: str) -> list[Button]:
        found = self.visitor.page.locator(BUTTONS).evaluate_all(_ACTIONS)
        return [
            (self.app.route(here), self.app.route(to), re.sub(r"\d+", "N", words))
            for to, words in found
        ]

    def _press(self, here: str, button: Button) -> None:
        self.visitor.page.goto(here)
        buttons = self._buttons(here)
        if button not in buttons:
            return  # an earlier one has done its work
        at = buttons.index(button)
        self._confirm()
        with self.visitor.page.expect_navigation() as after:
            self.visitor.page.locator(BUTTONS).nth(at).click()
        answer = after.value
        assert answer is not None
        if answer.status == 401:  # after "it was not me" the person must prove that they are they
            self._prove()
            return
        assert answer.status < 400, f"{button}: {answer.status}"
        self.pressed.add(button)

    def _confirm(self) -> None:
        """Type the number that the form asks for."""
        label = self.visitor.page.locator("label[for=count]")
        if label.count():
            [number] = re.findall(r"\d+", label.inner_text())
            self.visitor.page.locator("#count").fill(number)

    def _prove(self) -> None:
        self.visitor.page.locator("main a[href*=return_to]").click()
        self.visitor.press("Prove that it is you")


# Links in a drawing are no addresses to scripts; those of files are downloads.
_PATHS = """
all => all.map(it => new URL(it.getAttribute("href"), document.baseURI))
  .filter(it => it.origin === origin && !it.pathname.includes("."))
  .map(it => it.pathname + it.search)
"""
_ACTIONS = """
all => all.map(it => [
  new URL(it.form.getAttribute("action") ?? "", document.baseURI).pathname, it.textContent.trim()
])
"""


@pytest.mark.thorough
@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("app", [ACCOUNT, OPERATORS], ids=lambda it: it.mount)
def test_every_button_is_pressed(
    visit: Callable[..., Visitor], tmp_path: Path, app: App, scripts: bool
) -> None:
    """Every change that the pages offer is reached by a button, and answered by a page."""
    with demo(tmp_path) as here:
        presser = Presser(here, visit(here.site, scripts=scripts), app)
        presser.press_all()
    assert set() == app.changes - {to for _, to, _ in presser.pressed}
