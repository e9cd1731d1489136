"""The only room that prints: text for people, JSON for machines, files and commands for GitHub."""
