"""The chassis that every service stands on; README.md shows how a service is written on it."""
