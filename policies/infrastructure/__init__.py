"""Rules that every resource of an environment is held to, as a Pulumi policy pack."""
