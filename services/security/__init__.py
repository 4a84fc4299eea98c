"""Who is calling, and whether they may: users, tokens, keys, access decisions."""
