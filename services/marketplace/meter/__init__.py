"""The usage meter: turns a gateway's call log into rows of `usage_record`, each call exactly once.

One process a region, next to its gateway. It stays small: no gRPC, no ORM.
"""
