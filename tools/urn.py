"""What a resource's URN says of it."""


def kind_and_name(urn: str) -> tuple[str, str]:
    """Returns a resource's type, without those of its parents, and its name in the program."""
    _, _, kinds, name = urn.split("::", 3)
    return kinds.rpartition("$")[2], name
