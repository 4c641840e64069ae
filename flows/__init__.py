"""Prefect flows, one a file: thin wrappers that map the stages over captures, models and intervals."""
