"""What runs inside every Kubernetes cluster, whichever cloud it is on."""
