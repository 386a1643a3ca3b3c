"""Measure a store, and find the settings that suit its traffic."""
