"""The admin's lists, and the command line."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import pytest
from django.contrib.admin import site
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.test import Client, override_settings
from django.utils import timezone

from devsess.django import manager
from devsess.django.listing import ShownAdmin
from devsess.django.models import Device, Event, Session
from devsess.models import Client as Described
from devsess.policy import Policy
from shop.visits import FIREFOX, SAFARI, Shop, Visits, given


class AdminTests(Visits):
    """Lists, filters and actions; in a transaction they would see nothing new."""

    def setUp(self) -> None:
        super().setUp()
        self.root = User.objects.create_superuser("root", "", "toor", id=int(self.id) + 100_000)
        self.staff = Client()
        self.staff.force_login(self.root)
        self.grants = [
            manager().login(self.id, Described(ip="192.0.2.7", user_agent=agent))
            for agent in (FIREFOX, SAFARI)
        ]

    def listed(self, kind: str, query: str) -> list[Any]:
        answer = self.staff.get(f"/admin/devsess/{kind}/?{query}")
        assert answer.status_code == 200, answer.content
        return [row.pk for row in answer.context["cl"].result_list]

    def act(self, kind: str, action: str, keys: list[str], client: Client | None = None) -> Any:
        form = {"action": action, "_selected_action": keys}
        return (client or self.staff).post(f"/admin/devsess/{kind}/", form, follow=True)

    def test_sessions_are_found(self) -> None:
        """By user, name, address, device and state; newest first."""
        ids = [grant.session.id for grant in self.grants]
        for query in (f"q={self.id}", "q=ada", f"q=192.0.2.7+{self.id}", "q=ada&state=live"):
            with self.subTest(query):
                assert sorted(self.listed("session", query)) == sorted(ids)
        device = self.grants[0].session.device.id
        assert self.listed("session", f"q={device}") == ids[:1]
        manager().revoke(ids[0])
        assert self.listed("session", "q=ada&state=live") == ids[1:]
        assert self.listed("session", "q=ada&state=revoked") == ids[:1]
        assert self.listed("session", "q=ada&state=expired") == []
        today = self.staff.get("/admin/devsess/session/").context["cl"].filter_specs[1]
        for _, link in today.links:
            self.listed("session", urlencode(link))

    def test_a_tighter_policy_binds_the_filter_too(self) -> None:
        """A session is not found among the live ones that its own line calls expired."""
        tight = Policy(access_lifetime=600, idle_timeout=3_600, absolute_lifetime=86_400)
        later = timezone.now() + timedelta(hours=2)
        ids = [grant.session.id for grant in self.grants]
        with (
            override_settings(DEVSESS={**given.DEVSESS, "policy": tight}),
            patch("devsess.django.filters.timezone.now", return_value=later),
        ):
            assert self.listed("session", "q=ada&state=live") == []
            assert sorted(self.listed("session", "q=ada&state=expired")) == sorted(ids)

    def test_each_list_says_what_it_searches(self) -> None:
        """Its columns, and no others."""
        words = {"ip": "address", "session_id": "session", "device_id": "device"}
        for model, found in site._registry.items():
            if isinstance(found, ShownAdmin):
                searched = {words.get(it, model._meta.model_name) for it in found.search_fields}
                text = str(found.search_help_text)
                assert searched == {it for it in words.values() if it in text}, text
                assert text.startswith("A user's name or id, ")

    def test_a_page_asks_once_for_its_users(self) -> None:
        """However many rows there are."""
        with self.assertNumQueries(1):
            self.staff.get("/")
        self.listed("session", "q=ada")
        # The person who asks, those of that name, and those of the page; and the page itself.
        with self.assertNumQueries(3 if len(self.databases) > 1 else 5):
            self.listed("session", "q=ada")

    def test_sessions_are_ended(self) -> None:
        """At once, in the name of the person who did it, and written in the history."""
        answer = self.act("session", "revoke", [self.grants[0].session.id])
        assert b"Sessions ended: 1" in answer.content
        [left] = self.live()
        assert left.id == self.grants[1].session.id
        event = manager().history(self.id).items[0]
        assert (event.actor, event.reason) == (str(self.root.pk), "ended by staff")

    def test_all_of_a_user_are_ended(self) -> None:
        """Also those that were not selected; of the own ones, all but this."""
        self.act("session", "revoke_users", [self.grants[0].session.id])
        assert self.live() == []
        [own] = manager().list(str(self.root.pk))
        self.act("session", "revoke_users", [own.id])
        assert len(manager().list(str(self.root.pk))) == 1

    def test_devices(self) -> None:
        """Are blocked, unblocked, trusted no more and forgotten."""
        device = self.grants[0].session.device.id
        assert device in self.listed("device", "q=ada&trusted=no")
        self.act("device", "block", [device])
        assert self.listed("device", "q=ada&blocked__exact=1") == [device]
        assert len(self.live()) == 1
        self.act("device", "unblock", [device])
        assert self.listed("device", "q=ada&blocked__exact=1") == []
        manager().trust_device(self.id, device, timezone.now() + timedelta(hours=1))
        answer = self.act("device", "end_trust", [device])
        assert b"Trust ended: 1" in answer.content
        assert device in self.listed("device", "q=ada&trusted=no")
        self.act("device", "forget", [device])
        assert device not in self.listed("device", "q=ada")

    def test_history(self) -> None:
        """Has what happened, of one type or all, and when: its words are no prepositions."""
        text = self.staff.get(f"/admin/devsess/event/?q={self.id}").content.decode()
        assert "By time" in " ".join(text.split())
        assert self.listed("event", f"q={self.id}&type=session_created")
        assert self.listed("event", f"q={self.id}&type=device_blocked") == []

    def test_a_row_has_a_page(self) -> None:
        """Which nobody can change."""
        for kind, key in (
            ("session", self.grants[0].session.id),
            ("device", self.grants[0].session.device.id),
            ("event", str(Event.objects.order_by("-seq").first().pk)),
        ):
            there = f"/admin/devsess/{kind}/{key}/change/"
            assert self.staff.get(there).status_code == 200
            assert self.staff.post(there, {}).status_code == 403
            assert self.staff.get(f"/admin/devsess/{kind}/add/").status_code == 403

    def test_who_may(self) -> None:
        """To look needs the permission to view; to end, that to change."""
        clerk = User.objects.create_user("clerk", "", "x", is_staff=True, id=int(self.id) + 200_000)
        client = Client()
        client.force_login(clerk)
        assert client.get("/admin/devsess/session/").status_code == 403
        clerk.user_permissions.add(_permission("view"))
        assert client.get("/admin/devsess/session/").status_code == 200
        self.act("session", "revoke", [self.grants[0].session.id], client)
        assert len(self.live()) == 2
        clerk.user_permissions.add(_permission("change"))
        self.act("session", "revoke", [self.grants[0].session.id], client)
        assert len(self.live()) == 1

    def test_nobody_ends_in_the_name_of_another(self) -> None:
        """An impersonation of somebody who may looks at the lists, and ends nothing."""
        own = self.grants[1].session
        grant = manager().impersonate(str(self.root.pk), own, Described(user_agent=SAFARI))
        client = Client(headers={"user-agent": SAFARI})
        client.cookies["__Host-devsess-access"] = grant.access_token
        assert client.get("/admin/devsess/session/").status_code == 200
        self.act("session", "revoke", [self.grants[0].session.id], client)
        assert len(self.live()) == 2

    def test_rows_are_not_written(self) -> None:
        """Only the manager does: it tells every process."""
        for model in (Session, Device, Event):
            row = model.objects.first()
            with pytest.raises(TypeError):
                row.save()
            with pytest.raises(TypeError):
                row.delete()
            with pytest.raises(TypeError):
                model.objects.all().delete()
            with pytest.raises(TypeError):
                model.objects.update(user_id="eve")


def _permission(kind: str) -> Permission:
    return Permission.objects.get(codename=f"{kind}_session", content_type__app_label="devsess")


class CommandTests(Shop):
    """`manage.py devsess`."""

    def test_it_uses_the_projects_store(self) -> None:
        """And prints what the command line prints."""
        manager().login(self.id)
        out = StringIO()
        with patch("sys.stdout", out):
            call_command("devsess", "list", self.id)
        assert "unknown device" in out.getvalue().lower()

    def test_its_failure_is_one(self) -> None:
        """As the codes of the command line say."""
        with pytest.raises(CommandError) as caught:
            call_command("devsess", "revoke", "no-such-session")
        assert caught.value.returncode == 1
