"""The endpoints follow their description, and withstand any request generated from it."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from _wsgi_driver import on_wsgi
from hypothesis import HealthCheck, assume, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode

from devsess import SessionManager
from devsess.adapters._body import _KNOWN, _meant
from devsess.adapters._endpoints import _ACCOUNT_ROUTES, _FOR_ANY_PAGE, _ROUTES, _SESSION
from devsess.adapters.wsgi import SessionMiddleware

SESSIONS = SessionManager("memory://", keys="t7vKq2Zr9XwLm4NbY8sHd5JfC3pQx6RgUe1")
APP = SessionMiddleware(lambda *_: [], SESSIONS, endpoints="/auth", accounts=5)
SCHEMA = schemathesis.openapi.from_wsgi("/auth/openapi.json", APP)
# Each is a result or an error, and an error has no ok().
FOUND: list[Any] = [*SCHEMA.get_all_operations()]
OPERATIONS = [found.ok() for found in FOUND]
EVERY_ROUTE = {**_ROUTES, **_ACCOUNT_ROUTES, "/sessions/{id}": _SESSION}


def test_every_operation_is_described() -> None:
    """Nothing is served that is not in the description."""
    served = {(path, method.lower()) for path, ways in EVERY_ROUTE.items() for method in ways}
    assert served == {
        (path, method) for path, ways in SCHEMA.raw_schema["paths"].items() for method in ways
    }


def test_a_browser_with_one_account_has_no_endpoints_of_several() -> None:
    """They are neither described nor served."""
    app = SessionMiddleware(lambda *_: [], SESSIONS, endpoints="/auth")
    several = {*_ACCOUNT_ROUTES}
    description = on_wsgi(app, "GET", "/auth/openapi.json").json()
    assert several == SCHEMA.raw_schema["paths"].keys() - description["paths"].keys()
    for path in several:
        assert {404} == {on_wsgi(app, it, f"/auth{path}").status_code for it in ("GET", "POST")}


@pytest.mark.parametrize(
    ("accounts", "routes"), [(1, {*EVERY_ROUTE} - {*_ACCOUNT_ROUTES}), (2, {*EVERY_ROUTE})]
)
def test_the_header_of_a_page_is_described_where_it_is_read(
    accounts: int, routes: set[str]
) -> None:
    """With its refusal; an endpoint for any page has neither."""
    app = SessionMiddleware(lambda *_: [], SESSIONS, endpoints="/auth", accounts=accounts)
    described = on_wsgi(app, "GET", "/auth/openapi.json").json()["paths"]
    for path, ways in ((it, EVERY_ROUTE[it]) for it in routes):
        for method, handler in ways.items():
            operation = described[path][method.lower()]
            names = [it["name"] for it in operation.get("parameters", ())]
            expected = handler not in _FOR_ANY_PAGE

            assert (expected, expected) == (
                "Devsess-Session" in names,
                "409" in operation["responses"],
            ), path


def test_the_description_fits_the_app() -> None:
    """Its cookie and its address are those of the app that serves it."""
    with pytest.warns(UserWarning, match="plain http"):
        app = SessionMiddleware(
            lambda *_: [], SESSIONS, endpoints="/auth", insecure_cookies=True, transport="cookie"
        )

    def mounted(environ: Any, start_response: Any) -> Any:
        return app({**environ, "SCRIPT_NAME": "/shop"}, start_response)

    description = on_wsgi(mounted, "GET", "/auth/openapi.json").json()
    assert [{"url": "/shop/auth"}] == description["servers"]
    assert "devsess-access" == description["components"]["securitySchemes"]["cookie"]["name"]


@pytest.mark.parametrize("signed_in", [True, False])
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda it: f"{it.method} {it.path}")
def test_what_schemathesis_makes_up(
    operation: Any, mode: Any, signed_in: bool, thorough: bool
) -> None:
    """Requests that fit and that do not are answered as described, and never by a 500."""
    sent = []

    @settings(
        max_examples=30 if thorough else 8,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        # The description says in words that misspelt names are refused; a schema cannot.
        assume(mode is GenerationMode.NEGATIVE or not _is_misspelt(case.body))
        headers = {}
        if signed_in:
            headers["Authorization"] = f"Bearer {SESSIONS.login('ada').access_token}"
        sent.append(case)
        case.call_and_validate(headers=headers)

    try:
        ask()
    except Unsatisfiable:
        # An operation without arguments cannot be called wrongly.
        assert mode is GenerationMode.NEGATIVE
        assert not operation.body
        return
    assert sent


def _is_misspelt(body: Any) -> bool:
    return isinstance(body, dict) and any(map(_meant, body.keys() - {*_KNOWN}))
