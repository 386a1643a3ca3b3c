"""A project as `startproject` makes it; the lines of docs/django.md are marked."""

import os
from pathlib import Path

from devsess import Policy

PLACE = Path(os.environ.get("SHOP_PLACE", "."))
SECRET_KEY = "django-insecure-only-for-these-tests-f6s&1k!p0z@w4"
DEBUG = False
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "rest_framework_simplejwt.token_blacklist",
    "knox",
    "devsess.django",  # devsess
    "shop",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "devsess.django.middleware.SessionMiddleware",  # devsess
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "shop.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": PLACE / "db.sqlite3",
        "TEST": {"MIGRATE": False},  # tables without the history of others' apps: half the time
    },
    "devsess": {  # devsess
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": PLACE / "sessions.db",
        "TEST": {"NAME": PLACE / "test-sessions.db"},
    },
}
DATABASE_ROUTERS = ["devsess.django.router.Router"]  # devsess
SESSION_ENGINE = "devsess.django.sessions"  # devsess
SESSION_COOKIE_NAME = "__Host-devsess-access"  # devsess
DEVSESS = {"database": "devsess", "endpoints": "/auth", "login_url": "login"}  # devsess
if "SHOP_EXCHANGE" in os.environ:
    DEVSESS["exchange_until"] = os.environ["SHOP_EXCHANGE"]
    AT_MOST_THREE = Policy(max_sessions=3)  # tabs that come together must not reach it
    DEVSESS["policy"] = "shop.settings.AT_MOST_THREE"
if "SHOP_IN_ONE_FILE" in os.environ:  # the store's tables, and the project's
    del DEVSESS["database"]
    DEVSESS |= {
        "database": {"database": "default"},
        "store": {"store": f"{PLACE}/./db.sqlite3"},
        "manager": {"manager": "shop.in_one_file.SESSIONS"},
    }[os.environ["SHOP_IN_ONE_FILE"]]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "static/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["devsess.django.rest.SessionAuthentication"],
}
