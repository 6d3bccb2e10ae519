"""A platform that is killed at work, writers that remember what they were told, and what must be true afterwards."""
