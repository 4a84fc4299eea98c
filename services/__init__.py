"""The services of the platform: each package is one, runtime is what they stand on."""
