"""A service that says which language a text is in, by REST and as a chat model."""
