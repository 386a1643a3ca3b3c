"""`manage.py devsess …`: the command line on the project's store."""

from __future__ import annotations

import sys
from math import ceil
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from devsess.django.project import project
from devsess.policy import DAY

# Django's own, which may stand behind any of its commands.
_OF_DJANGO = ("--settings", "--pythonpath")
_USAGE = 2
# A hundred years, which the command line takes at most.
_MOST_DAYS = 36_500


class Command(BaseCommand):
    """Hands its arguments on; those of the store are the project's."""

    help = "Look at the sessions of this project, and end them: see docs/cli.md."
    # `check` may need a database that `migrate` has yet to make.
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        """Called by manage.py: the command line exits with its own codes."""
        try:
            code = run(_without_django(argv[2:]))
        except CommandError as error:
            self.stderr.write(f"{type(error).__name__}: {error}")
            code = error.returncode
        sys.exit(code)

    def add_arguments(self, parser: Any) -> None:
        """For `call_command`."""
        parser.add_argument("arguments", nargs="*")

    def handle(self, *args: Any, **options: Any) -> None:
        """For `call_command`; that of `manage.py` comes by `run_from_argv`."""
        code = run([*args, *options.get("arguments", ())])
        if code:
            raise CommandError(f"devsess ended with code {code}", returncode=code)


def run(arguments: list[str]) -> int:
    """
    The command line's exit code.

    Raises:
        CommandError: If the command needs a store, and neither settings nor arguments name one.
    """
    from devsess.cli import main
    from devsess.cli._store import OfProgram

    try:
        main.main(
            args=arguments,
            prog_name="manage.py devsess",
            obj=OfProgram(_location),
            default_map={"purge": _kept_for()},
            auto_envvar_prefix=None,
        )
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    return 0


def _location() -> str:
    """The store that the settings name."""
    options = project().options
    if options.manager is not None:
        raise CommandError(
            'DEVSESS names a "manager", which does not tell its store:'
            " name that with --store, or in a file with --store-file",
            returncode=_USAGE,
        )
    return project().location()


def _kept_for() -> dict[str, int]:
    """The days of `purge`, by the project's policy: no record goes before its time."""
    from devsess.cli._with import LIFETIME_DAYS

    options = project().options
    if options.manager is not None:
        return {}
    policy = options.policy
    return {
        "retention": _days(policy.privacy.retention),
        "device_retention": _days(policy.privacy.device_retention),
        "absolute_lifetime": max(LIFETIME_DAYS, _days(policy.absolute_lifetime)),
    }


def _days(span: float) -> int:
    return min(max(1, ceil(span / DAY)), _MOST_DAYS)


def _without_django(arguments: list[str]) -> list[str]:
    kept: list[str] = []
    it = iter(arguments)
    for each in it:
        if each in _OF_DJANGO:
            next(it, None)
        elif each.partition("=")[0] not in _OF_DJANGO:
            kept.append(each)
    return kept
