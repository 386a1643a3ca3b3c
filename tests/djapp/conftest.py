"""The project's own tests are run by Django's runner."""

collect_ignore = ["site"]
