"""A region's gateway: Envoy, configured over xDS by the marketplace service."""

import pulumi

from components.component import Component
from components.target import GatewayArgs, GatewayServer, Target


class Gateway(Component):
    """Takes a region's calls, checks who is calling, and passes them on without any Python."""

    def __init__(
        self,
        name: str,
        args: GatewayArgs,
        *,
        target: Target,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Runs the gateway and the meter that follows its call log.

        Raises:
            ValueError: the control plane is not among the services.
        """
        names = [service.name for service in args.services]
        if args.control_plane not in names:
            raise ValueError(
                f"{name}: control_plane {args.control_plane!r} is not one of the services: "
                f"{', '.join(names)}"
            )
        super().__init__(name, opts)
        self.server: GatewayServer = target.gateway(name, args, parent=self)
        self.register_outputs({"url": self.server.url})
