"""`manage.py devsess …`: the command line on the project's store."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from devsess.django.project import project

# Django's own, which may stand behind any of its commands.
_OF_DJANGO = ("--settings", "--pythonpath")


class Command(BaseCommand):
    """Hands its arguments on; those of the store are the project's."""

    help = "Look at the sessions of this project, and end them: see docs/cli.md."
    # `check` may need a database that `migrate` has yet to make.
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        """Called by manage.py: the command line exits with its own codes."""
        sys.exit(run(_without_django(argv[2:])))

    def add_arguments(self, parser: Any) -> None:
        """For `call_command`."""
        parser.add_argument("arguments", nargs="*")

    def handle(self, *args: Any, **options: Any) -> None:
        """For `call_command`; that of `manage.py` comes by `run_from_argv`."""
        code = run([*args, *options.get("arguments", ())])
        if code:
            raise CommandError(f"devsess ended with code {code}", returncode=code)


def run(arguments: list[str]) -> int:
    """The command line's exit code."""
    from devsess.cli import main

    defaults = {name: {"store": _location()} for name in main.commands}
    try:
        main.main(
            args=arguments,
            prog_name="manage.py devsess",
            default_map=defaults,
            auto_envvar_prefix=None,
        )
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 1
    return 0


def _location() -> str | None:
    """The store, where the settings name one; else the option's own default."""
    options = project().options
    return None if options.manager is not None else options.location()


def _without_django(arguments: list[str]) -> list[str]:
    kept: list[str] = []
    it = iter(arguments)
    for each in it:
        if each in _OF_DJANGO:
            next(it, None)
        elif each.partition("=")[0] not in _OF_DJANGO:
            kept.append(each)
    return kept
