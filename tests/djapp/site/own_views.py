"""Views in a transaction, which writes an order beside sessions, and fails if it is asked to."""

from typing import Any
from uuid import uuid4

from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse

from devsess.django import manager


def _end(request: Any) -> HttpResponse:
    Group.objects.create(name=f"order {uuid4()}")
    if "fail" in request.GET:
        raise PermissionDenied
    return HttpResponse("done")


def sign_in(request: Any) -> HttpResponse:
    """Django's own."""
    login(request, authenticate(request, username="ada", password="lovelace"))
    return _end(request)


def sign_out(request: Any) -> HttpResponse:
    """Django's own."""
    logout(request)
    return _end(request)


def denied(request: Any) -> HttpResponse:
    """Somebody gave a wrong password."""
    manager().record_failure(request.GET["user"], request.devsess.client)
    return _end(request)


def step_up(request: Any) -> HttpResponse:
    """A person proved themselves again."""
    request.devsess.step_up(amr=["otp"])
    return _end(request)
