"""Where documents lie: one promise (`base`), a folder (`local`), and three clouds through one library (`cloud`)."""
