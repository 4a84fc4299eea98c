"""The xDS control plane of the regional gateways.

What a gateway (Envoy) does with a request is decided here and nowhere else: `listener`, `routes`
and `clusters` are pure functions from the catalogue and the gateway's own description to Envoy
resources, `resources` versions them by content, and `discovery` serves them by incremental xDS.
"""
