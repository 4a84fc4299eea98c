"""AI services to try the marketplace with."""
