"""How is the 8B scorer of the paper trained? Levels, then scores, then preferences; see README.md."""
