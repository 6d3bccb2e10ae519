"""Tenants with equal names and canaries, random requests against them, and what must never be seen."""
