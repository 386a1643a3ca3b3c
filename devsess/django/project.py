"""What this process knows of its project: the settings, and the one manager."""

from __future__ import annotations

from threading import Lock

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from devsess.django import conf
from devsess.manager import SessionManager

LABEL = "devsess"


class Project:
    """
    The project's sessions, as its app has them.

    Attributes:
        options: `settings.DEVSESS`, read once.
        sessions: The manager of this process, made when it is first needed: not
            before a server has forked its workers, nor before a test's database is there.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._options: conf.Options | None = None
        self._made: tuple[str, SessionManager] | None = None

    @property
    def options(self) -> conf.Options:
        """See the class."""
        options = self._options
        if options is None:
            self._options = options = conf.read()
        return options

    @property
    def sessions(self) -> SessionManager:
        """See the class."""
        options = self.options
        if options.manager is not None:
            return options.manager
        location = options.location()
        with self._lock:
            if self._made is None or self._made[0] != location:
                self._close()
                self._made = (location, options.made(location))
            return self._made[1]

    def forget(self) -> None:
        """Read the settings anew: a test has changed them."""
        with self._lock:
            self._options = None
            self._close()

    def _close(self) -> None:
        if self._made is not None:
            self._made[1].close()
            self._made = None


def project() -> Project:
    """
    That of this process.

    Raises:
        ImproperlyConfigured: If the app is not among INSTALLED_APPS.
    """
    try:
        found: Project = apps.get_app_config(LABEL).project
    except LookupError as error:
        raise ImproperlyConfigured('add "devsess.django" to INSTALLED_APPS') from error
    return found


def manager() -> SessionManager:
    """The manager of this process, for views, commands and tasks."""
    return project().sessions
