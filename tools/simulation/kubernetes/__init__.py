"""A real Kubernetes API for previews and tests, in place of Pulumi's kubernetes provider."""
