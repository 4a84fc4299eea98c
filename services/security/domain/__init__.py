"""What the service does, free of gRPC and of the database."""
