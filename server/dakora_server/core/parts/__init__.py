"""Parts: reusable texts that prompts and other parts include."""
