"""The shortest way from a prompt to its text."""

from dakora_client import DakoraSync

with DakoraSync() as dakora:
    result = dakora.prompts.render("greeting", {"name": "Alice"})
    print(result.text)
    print(f"rendered from version {result.version}")
