"""Wrap a web app: `devsess.adapters.wsgi` and `devsess.adapters.asgi`."""
