"""The table of exchanged credentials; the other models are tables that devsess makes itself."""

from django.db import migrations, models

import devsess.django.fields
from devsess.django.conf import table


class Migration(migrations.Migration):
    """The first one."""

    initial = True

    dependencies = ()

    operations = (
        migrations.CreateModel(
            name="Device",
            fields=[
                ("id", models.TextField(primary_key=True, serialize=False)),
                ("user_id", models.TextField(verbose_name="user")),
                ("first_seen_at", devsess.django.fields.InstantField(verbose_name="first seen")),
                ("last_seen_at", devsess.django.fields.InstantField(verbose_name="last seen")),
                ("trusted_until", devsess.django.fields.InstantField(null=True)),
                ("blocked", models.BooleanField()),
                ("forgotten", models.BooleanField()),
            ],
            options={
                "db_table": table("devices"),
                "managed": False,
                "default_permissions": ("view", "change"),
            },
        ),
        migrations.CreateModel(
            name="Event",
            fields=[
                ("seq", models.BigIntegerField(primary_key=True, serialize=False)),
                ("type", models.TextField()),
                ("at", devsess.django.fields.InstantField(verbose_name="time")),
                ("user_id", models.TextField(verbose_name="user")),
                ("session_id", models.TextField(null=True)),
                ("device_id", models.TextField(null=True)),
                ("ip", models.TextField(null=True, verbose_name="address")),
                ("reason", models.TextField(null=True)),
                ("actor", models.TextField(null=True)),
            ],
            options={
                "verbose_name_plural": "history",
                "db_table": table("events"),
                "managed": False,
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="Session",
            fields=[
                ("id", models.TextField(primary_key=True, serialize=False)),
                ("user_id", models.TextField(verbose_name="user")),
                ("device_id", models.TextField()),
                ("ip", models.TextField(null=True, verbose_name="address")),
                ("created_at", devsess.django.fields.InstantField(verbose_name="signed in")),
                ("last_seen_at", devsess.django.fields.InstantField(verbose_name="last active")),
                ("idle_from", devsess.django.fields.InstantField(verbose_name="idle from")),
                ("idle_expires_at", devsess.django.fields.InstantField(verbose_name="idle until")),
                (
                    "absolute_expires_at",
                    devsess.django.fields.InstantField(verbose_name="ends at the latest"),
                ),
                ("revoked_at", devsess.django.fields.InstantField(null=True, verbose_name="ended")),
                ("reason", models.TextField(null=True)),
            ],
            options={
                "db_table": table("sessions"),
                "managed": False,
                "default_permissions": ("view", "change"),
            },
        ),
        migrations.CreateModel(
            name="Exchange",
            fields=[
                ("digest", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("kind", models.CharField(db_index=True, max_length=20)),
                ("user_id", models.CharField(max_length=255, verbose_name="user")),
                ("session_id", models.CharField(max_length=64)),
                ("at", models.DateTimeField(verbose_name="time")),
            ],
            options={
                "verbose_name": "exchanged credential",
                "default_permissions": ("view",),
            },
        ),
    )
