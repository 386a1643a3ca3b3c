"""The endpoints in OpenAPI 3.1, as served at openapi.json."""

from __future__ import annotations

from typing import Any, get_args

from devsess.adapters._account import MAX_ACCOUNTS
from devsess.models import Kind

_TEXT = {"type": "string"}
_PAGE_SIZE = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 50}
_CURSOR = {"type": "string", "description": "`next` of the page before."}
_INSTANT = {"type": "string", "format": "date-time"}
_CODE_TEXT = {"type": "string", "minLength": 1, "maxLength": 64, "pattern": "^[A-Za-z0-9-]+$"}
_TEXT_OR_NOTHING: dict[str, Any] = {"type": ["string", "null"]}


def _object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**required, **optional},
        "required": [*required],
    }


_SCHEMAS: dict[str, Any] = {
    "Session": _object(
        {
            "sessionId": _TEXT,
            "userId": _TEXT,
            "ip": _TEXT_OR_NOTHING,
            "userAgent": _TEXT_OR_NOTHING,
            "device": _TEXT,
            "location": _TEXT_OR_NOTHING,
            "createdAt": _INSTANT,
            "lastSeenAt": _INSTANT,
            "expiresAt": _INSTANT,
            "revoked": {"type": "boolean"},
            "deviceId": _TEXT,
            "kind": {"enum": [*get_args(Kind)]},
            "os": _TEXT,
            "browser": _TEXT,
            "authTime": _INSTANT,
            "amr": {"type": "array", "items": _TEXT},
            "acr": _TEXT_OR_NOTHING,
            "provider": _TEXT_OR_NOTHING,
            "persistent": {"type": "boolean"},
            "current": {"type": "boolean", "description": "Whether it is the caller's own."},
        },
    ),
    "Account": _object(
        {
            "slot": {"type": "integer"},
            "current": {"type": "boolean"},
            "session": {"$ref": "#/components/schemas/Session"},
        }
    ),
    "Tokens": {
        **_object(
            {},
            refresh_token=_TEXT_OR_NOTHING,
            device_token=_TEXT_OR_NOTHING,
            forget_device={"type": "boolean", "description": "At logout: end its trust too."},
        ),
        "description": "For clients without cookies. A member with a misspelt name is refused.",
    },
    "Pending": {
        **_object(
            {"pending_token": {"type": "string", "minLength": 1, "pattern": "^[A-Za-z0-9._-]+$"}},
            device_token=_TEXT_OR_NOTHING,
            tokens={"type": "boolean", "description": "For programs: tokens in the answer."},
        ),
        "description": "Of the answer that held the sign-in.",
    },
    "Held": _object(
        {
            "code": _TEXT,
            "userId": _TEXT,
            "at": _INSTANT,
            "expiresAt": _INSTANT,
            "device": _TEXT,
            "network": _TEXT_OR_NOTHING,
            "location": _TEXT_OR_NOTHING,
            "approved": {"type": "boolean"},
        }
    ),
    "Problem": _object(
        {"type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT}
    ),
    "Refreshed": _object(
        {"expires_in": {"type": "integer"}, "session": {"$ref": "#/components/schemas/Session"}},
        access_token=_TEXT,
        token_type={"const": "Bearer"},
        refresh_token=_TEXT,
        device_token=_TEXT_OR_NOTHING,
    ),
}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: object, summary: str = "Done.") -> dict[str, Any]:
    return {"description": summary, "content": {"application/json": {"schema": schema}}}


def _problems(*statuses: int) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": _ref("Problem")}}
    return {str(status): {"description": "Refused.", "content": content} for status in statuses}


# None of these is refused to a page that was made for another session; no path of accounts is.
_FOR_ANY_PAGE = ("/session", "/jwks.json", "/openapi.json")
_BODY: dict[str, Any] = {
    "required": False,
    "content": {"application/json": {"schema": _ref("Tokens")}},
}
_CODE: dict[str, Any] = {
    "required": True,
    "content": {"application/json": {"schema": _object({"code": _CODE_TEXT})}},
}
_SIGNED_IN: list[object] = [{"bearer": []}, {"cookie": []}]
_NOTHING: dict[str, Any] = {"204": {"description": "Done."}}
_ACCOUNT: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": _object(
                {"account": {"type": "integer", "minimum": 0, "maximum": MAX_ACCOUNTS - 1}}
            )
        }
    },
}
# Where a browser may be signed in to several accounts.
_ACCOUNT_PATHS: dict[str, Any] = {
    "/accounts": {
        "get": {
            "summary": "The accounts that this browser is signed in to; no activity.",
            "security": [*_SIGNED_IN, {}],
            "responses": {
                "200": _json(_object({"accounts": {"type": "array", "items": _ref("Account")}})),
                **_problems(403, 503),
            },
        }
    },
    "/accounts/switch": {
        "post": {
            "summary": "Act for another account of this browser.",
            "requestBody": _ACCOUNT,
            "responses": {
                "200": _json(_object({"account": _ref("Account")})),
                **_problems(400, 403, 404, 413, 415, 503),
            },
        }
    },
    "/accounts/logout": {
        "post": {
            "summary": "End the sessions of all accounts of this browser.",
            "requestBody": _BODY,
            "responses": {**_NOTHING, **_problems(400, 401, 403, 413, 503)},
        }
    },
}
_PAGE: dict[str, Any] = {
    "name": "Devsess-Session",
    "in": "header",
    "required": False,
    "schema": _TEXT,
    "description": "The session that the page was made for; 409 if the cookies are another's.",
}
_PATHS: dict[str, Any] = {
    "/refresh": {
        "post": {
            "summary": "A new access token for a refresh token, from the cookie or the body.",
            "requestBody": _BODY,
            "responses": {
                "200": _json(_ref("Refreshed")),
                **_problems(400, 401, 403, 413, 415, 503),
            },
        }
    },
    "/logout": {
        "post": {
            "summary": "End this session.",
            "requestBody": _BODY,
            "responses": {**_NOTHING, **_problems(400, 401, 403, 413, 503)},
        }
    },
    "/session": {
        "get": {
            "summary": "Whether somebody is signed in, and until when; no activity.",
            "security": [*_SIGNED_IN, {}],
            "responses": {
                "200": _json(
                    _object(
                        {
                            "signed_in": {"type": "boolean"},
                            "session": {"anyOf": [_ref("Session"), {"type": "null"}]},
                        }
                    ),
                ),
                **_problems(403, 503),
            },
        }
    },
    "/sessions": {
        "get": {
            "summary": "The caller's live sessions, newest sign-in first, page by page.",
            "security": _SIGNED_IN,
            "parameters": [
                {"name": "limit", "in": "query", "required": False, "schema": _PAGE_SIZE},
                {"name": "cursor", "in": "query", "required": False, "schema": _CURSOR},
            ],
            "responses": {
                "200": _json(
                    _object(
                        {
                            "sessions": {"type": "array", "items": _ref("Session")},
                            "next": _TEXT_OR_NOTHING,
                        }
                    ),
                ),
                **_problems(400, 401, 403, 404, 503),
            },
        }
    },
    "/sessions/{id}": {
        "delete": {
            "summary": "End one of the caller's sessions.",
            "security": _SIGNED_IN,
            "parameters": [{"name": "id", "in": "path", "required": True, "schema": _TEXT}],
            "responses": {**_NOTHING, **_problems(401, 403, 404, 405, 503)},
        }
    },
    "/sessions/revoke-others": {
        "post": {
            "summary": "End the caller's other sessions.",
            "security": _SIGNED_IN,
            "responses": {
                "200": _json(_object({"ended": {"type": "array", "items": _TEXT}})),
                **_problems(401, 403, 503),
            },
        }
    },
    "/held": {
        "get": {
            "summary": "The account's sign-ins that wait to be approved, newest first.",
            "security": _SIGNED_IN,
            "responses": {
                "200": _json(_object({"held": {"type": "array", "items": _ref("Held")}})),
                **_problems(401, 403, 503),
            },
        }
    },
    "/held/approve": {
        "post": {
            "summary": "Approve the held sign-in that shows this code.",
            "security": _SIGNED_IN,
            "requestBody": _CODE,
            "responses": {**_NOTHING, **_problems(400, 401, 403, 404, 413, 415, 503)},
        }
    },
    "/held/refuse": {
        "post": {
            "summary": "Refuse the held sign-in that shows this code.",
            "security": _SIGNED_IN,
            "requestBody": _CODE,
            "responses": {**_NOTHING, **_problems(400, 401, 403, 404, 413, 415, 503)},
        }
    },
    "/held/collect": {
        "post": {
            "summary": "The session of a held sign-in, once it is approved; 202 while it waits.",
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": _ref("Pending")}},
            },
            "responses": {
                "200": _json(_ref("Refreshed")),
                "202": _json(_object({"code": _TEXT, "expires_at": _INSTANT}), "It waits."),
                **_problems(400, 401, 403, 409, 413, 415, 503),
            },
        }
    },
    "/jwks.json": {
        "get": {
            "summary": "The public keys.",
            "responses": {"200": _json(_object({"keys": {"type": "array"}}))},
        }
    },
    "/openapi.json": {
        "get": {"summary": "This description.", "responses": {"200": _json({"type": "object"})}}
    },
}


def _for_its_page(operation: dict[str, Any]) -> dict[str, Any]:
    """*operation*, which is refused to a page that was made for another session."""
    return {
        **operation,
        "parameters": [*operation.get("parameters", ()), _PAGE],
        "responses": {**operation["responses"], **_problems(409)},
    }


def _paths(*, has_accounts: bool) -> dict[str, Any]:
    for_one = {
        path: {method: _for_its_page(operation) for method, operation in ways.items()}
        for path, ways in _PATHS.items()
        if path not in _FOR_ANY_PAGE
    }
    return {**_PATHS, **for_one, **(_ACCOUNT_PATHS if has_accounts else {})}


def description(endpoints: str, access_cookie: str, *, has_accounts: bool) -> dict[str, Any]:
    """
    The description of the endpoints.

    Args:
        endpoints: Where they are served, mount point included.
        access_cookie: The name of the access token's cookie.
        has_accounts: Whether a browser may be signed in to several accounts.
    """
    from devsess import __version__

    schemes = {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "cookie": {"type": "apiKey", "in": "cookie", "name": access_cookie},
    }
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sessions", "version": __version__},
        "servers": [{"url": endpoints}],
        "paths": _paths(has_accounts=has_accounts),
        "components": {"schemas": _SCHEMAS, "securitySchemes": schemes},
    }
