"""The app."""

from __future__ import annotations

from django.apps import AppConfig
from django.core import checks

from devsess.django.checks import check_settings
from devsess.django.project import LABEL, Project


class DevsessConfig(AppConfig):
    """
    Sessions and devices.

    Attributes:
        project: The settings, and the one manager.
    """

    name = "devsess.django"
    label = LABEL
    verbose_name = "Sessions and devices"

    def ready(self) -> None:
        """Connect what Django tells its apps."""
        # Late: it imports models of others, which are ready only now.
        from devsess.django import receivers

        self.project = Project()
        checks.register(check_settings)
        receivers.connect()
