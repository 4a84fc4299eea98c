"""The marketplace with its real parts: PostgreSQL, the service, Envoy, the meter."""
