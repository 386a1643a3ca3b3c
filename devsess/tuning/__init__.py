"""Measure what validation costs here, and find the settings that suit a traffic."""
