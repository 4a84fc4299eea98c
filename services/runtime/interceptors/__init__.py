"""What happens around every call, in one ordered chain (chain.py)."""
