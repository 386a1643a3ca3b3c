"""
A Django app: who is signed in is devsess's, and the rest of Django goes on as it was.

    INSTALLED_APPS = [..., "devsess.django"]
    SESSION_ENGINE = "devsess.django.sessions"
    SESSION_COOKIE_NAME = "__Host-devsess-access"
    DEVSESS = {"database": "devsess"}

and in `MIDDLEWARE`, in the place of Django's own SessionMiddleware,
`"devsess.django.middleware.SessionMiddleware"`. See docs/django.md.
"""

from devsess.django.project import manager as manager

__all__ = ["manager"]
