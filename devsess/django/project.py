"""The project in this process: its settings, and the one manager."""

from __future__ import annotations

import logging
import sys

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from devsess._runtime.mutex import new_lock
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
            Each change of the settings, and of the database, has one of its own.
    """

    def __init__(self) -> None:
        self._lock = new_lock()
        self._is_told = False
        self._options: conf.Options | None = None
        self._made: list[tuple[conf.Options, str, SessionManager]] = []
        self._own_names = {
            alias: str(given.get("NAME")) for alias, given in settings.DATABASES.items()
        }

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
        location = self.location()
        with self._lock:
            found = self._found(options, location)
            if not found:
                self._made.append((options, location, options.made(location)))
                # The first: a signal's handler may have come in between, and made one too.
                found = self._found(options, location)
            return found[0]

    def _found(self, options: conf.Options, location: str) -> list[SessionManager]:
        made = self._made
        return [it for of_options, at, it in made if at == location and of_options == options]

    def location(self) -> str:
        """
        The store's path or URL.

        Django makes databases for those aliases alone that a test names. In a run without
        one for the store it is in memory: users of tests have the primary keys of real ones,
        whose sessions they would list and end.
        """
        options = self.options
        if options.database is not None and self._is_untested(options.database):
            return "memory://"
        return options.location()

    def _is_untested(self, alias: str) -> bool:
        """Whether this is a run of tests that made no database for *alias*."""
        # Imported by tests alone; `mail.outbox` is made by sending a mail in memory, too.
        state = getattr(sys.modules.get("django.test.utils"), "_TestState", None)
        if not hasattr(state, "saved_data"):
            return False
        is_real = self._own_names.get(alias) == str(connections[alias].settings_dict["NAME"])
        if is_real and not self._is_told:
            self._is_told = True
            logging.getLogger("devsess").warning(
                "tests run without a database for the alias %r: sessions are kept in memory", alias
            )
        return is_real

    def forget(self) -> None:
        """
        Read the settings anew: a test has changed them.

        A manager stays as it is: middlewares that were made with it go on, and so does the
        test once the settings are those of before.
        """
        self._options = None

    def close(self) -> None:
        """Close the managers that were made: their database is about to go."""
        with self._lock:
            made, self._made = self._made, []
        for _, _, sessions in made:
            sessions.close()


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
