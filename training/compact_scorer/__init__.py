"""How is the compact scorer trained? Edits of known severity, five levels first, then scores."""
