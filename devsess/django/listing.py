"""The parts that the admin's lists of the store share: they show, and change nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from devsess.django.project import project
from devsess.django.signins import is_key
from devsess.manager import SessionManager

# Accounts that one search by name finds at most.
_MOST_USERS = 1000


class StoreList(ChangeList):
    """A page of rows, each with its user and what the manager says of it."""

    def get_results(self, request: Any) -> None:
        """One query for all users of the page."""
        super().get_results(request)
        self.result_list: list[Any] = list(self.__dict__["result_list"])
        self.model_admin.complete(self.result_list)


class ShownAdmin(admin.ModelAdmin):
    """A list of rows that nobody writes, each with its user."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: Any) -> bool:  # noqa: ARG002
        """Nobody: rows come from sign-ins."""
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody: a row has no form."""
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody: a row that is gone could not be shown as ended."""
        return False

    def get_changelist(self, request: Any, **_: Any) -> type[ChangeList]:  # noqa: ARG002
        """See StoreList."""
        return StoreList

    def get_object(self, request: Any, object_id: str, from_field: str | None = None) -> Any:
        """A row with its user."""
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            self.complete([row])
        return row

    def get_search_results(
        self,
        request: Any,  # noqa: ARG002 - as Django calls it
        queryset: Any,
        search_term: str,
    ) -> tuple[Any, bool]:
        """Rows that have each word, as a whole, in one of the columns: what the indexes find."""
        for word in search_term.split():
            found = queryset.filter(user_id__in=[word, *_users_named(word)])
            for name in self.search_fields:
                found |= queryset.filter(**{name: word})
            queryset = found
        return queryset, False

    def complete(self, rows: Sequence[Any]) -> None:
        """Give each row its `account`, and its `view`: what the manager says of it."""
        users = users_of({row.user_id for row in rows})
        sessions = project().sessions
        for row in rows:
            row.account = users.get(row.user_id)
            row.view = self.view_of(sessions, row)

    def view_of(self, sessions: SessionManager, row: Any) -> Any:  # noqa: ARG002
        """The record that the manager has of a row; None if its columns are all."""
        return None

    @admin.display(description="user", ordering="user_id")
    def user(self, row: Any) -> str:
        """The user's name, with a link to their page."""
        if row.account is None:
            return str(row.user_id)
        meta = row.account._meta
        name = f"{self.admin_site.name}:{meta.app_label}_{meta.model_name}_change"
        try:
            there = reverse(name, args=[row.user_id])
        except NoReverseMatch:
            return str(row.account)
        link: str = format_html('<a href="{}">{}</a>', there, row.account)
        return link


class StoreAdmin(ShownAdmin):
    """A list of one of the store's own tables, whose rows can be ended."""

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        """If the project has named the database: to those who have the permission."""
        return super().has_view_permission(request, obj) and project().options.tables is not None

    def has_end_permission(self, request: Any) -> bool:
        """
        Whether the person may use the actions: the permission to change the model.

        Nobody may in the name of another: the log would name the wrong one.
        """
        session = request.devsess.session
        if session is not None and session.impersonator is not None:
            return False
        return bool(request.user.has_perm(f"devsess.change_{self.opts.model_name}"))

    def do_to_each(
        self, request: Any, rows: Any, act: Callable[[SessionManager, Any, str], bool], done: str
    ) -> None:
        """Do *act* to each row as the person who asks, and say to how many."""
        sessions, actor = project().sessions, str(request.user.pk)
        count = sum([act(sessions, row, actor) for row in rows])
        level = messages.SUCCESS if count else messages.WARNING
        self.message_user(request, f"{done}: {count}", level)


def part(row: Any, read: Callable[[Any], str]) -> str:
    """A part of the manager's record of a row, as text; empty where there is none."""
    return read(row.view) if row.view else ""


def _users() -> Any:
    return get_user_model()._default_manager.all()


def users_of(user_ids: set[str]) -> dict[str, Any]:
    """The users by key, in one query."""
    keys = [each for each in user_ids if is_key(each)]
    return {str(user.pk): user for user in _users().filter(pk__in=keys)}


def _users_named(word: str) -> list[str]:
    name = get_user_model().USERNAME_FIELD
    found = _users().filter(**{f"{name}__iexact": word})[:_MOST_USERS]
    return [str(user.pk) for user in found]
