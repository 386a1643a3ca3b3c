"""
Pages to mount in an application: `account_app` shows people their devices, `admin_app` shows
operators all sessions.

    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/account": account_app(sessions).wsgi})

They need Jinja2, which the extra `web` installs.
"""

from __future__ import annotations

try:
    import jinja2 as _jinja2
except ModuleNotFoundError as error:
    if error.name != "jinja2":
        raise
    from devsess.errors import ConfigurationError

    raise ConfigurationError("the pages need Jinja2: install devsess[web]") from error
else:
    del _jinja2

from devsess.web.account import account_app
from devsess.web.admin import AdminRequest, Operator, admin_app
from devsess.web.look import Look

__all__ = ["AdminRequest", "Look", "Operator", "account_app", "admin_app"]
