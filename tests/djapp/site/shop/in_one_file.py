"""A manager that the project made, over the file of its own database."""

from django.conf import settings

from devsess import SessionManager
from devsess.django.conf import secret_keys

SESSIONS = SessionManager(settings.DATABASES["default"]["NAME"], keys=secret_keys())
