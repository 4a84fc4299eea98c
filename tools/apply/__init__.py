"""Applies an environment region by region, and stops where one is not healthy afterwards."""
