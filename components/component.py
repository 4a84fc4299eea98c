"""The base of every component: its type name and its parent."""

import pulumi


class Component(pulumi.ComponentResource):
    """A cloud-neutral part of the platform.

    The type token is ``ai-platform:components:<ClassName>``. What a component makes are its
    children: a target is given ``self`` as the parent.
    """

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        """Registers the component with the engine."""
        super().__init__(f"ai-platform:components:{type(self).__name__}", name, None, opts)
