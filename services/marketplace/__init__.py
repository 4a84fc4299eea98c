"""The marketplace of AI services: catalogue, gateway control plane and usage meter."""
