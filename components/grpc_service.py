"""A gRPC service: migrations, then replicas that take traffic once they are healthy."""

import pulumi

from components.component import Component
from components.target import GrpcServiceArgs, RunningService, Target


class GrpcService(Component):
    """A service of the platform in one region."""

    def __init__(
        self,
        name: str,
        args: GrpcServiceArgs,
        *,
        target: Target,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Runs the service.

        Raises:
            ValueError: fewer than one replica.
        """
        if args.replicas < 1:
            raise ValueError(f"{name}: replicas is {args.replicas}; it must be 1 or more")
        super().__init__(name, opts)
        self.service: RunningService = target.grpc_service(name, args, parent=self)
        self.register_outputs({"version": args.version})
