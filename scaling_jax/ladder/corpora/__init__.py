"""Corpora that need no network: the standard library's text, files, and synthetic tasks."""
