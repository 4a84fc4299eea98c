"""One module per resource type of the provider."""
