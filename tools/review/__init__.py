"""What a change does to the environments, for whoever reviews it."""
