"""The same project with its sessions in its own database."""

from pathlib import Path

from shop.settings import *  # noqa: F403
from shop.settings import DEVSESS as SHOPS
from shop.settings import PLACE

ROOT_URLCONF = "own_urls"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": PLACE / "db.sqlite3",
        "OPTIONS": {"init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF"},
        # A file: threads of one process may read it while another one writes.
        "TEST": {"NAME": Path(PLACE) / "test-db.sqlite3"},
    }
}
DATABASE_ROUTERS = []
DEVSESS = {**{k: v for k, v in SHOPS.items() if k != "database"}, "store": "default"}
