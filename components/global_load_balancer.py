"""The global load balancer: splits calls over regions by weight and leaves out those that fail."""

import pulumi

from components.component import Component
from components.target import GlobalLoadBalancerArgs, LoadBalancer, Target


class GlobalLoadBalancer(Component):
    """The platform's one address."""

    def __init__(
        self,
        name: str,
        args: GlobalLoadBalancerArgs,
        *,
        target: Target,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Makes the balancer.

        Raises:
            ValueError: weights and gateways name different regions, or do not sum to 100.
        """
        regions = [gateway.region for gateway in args.gateways]
        if sorted(regions) != sorted(args.weights):
            raise ValueError(
                f"{name}: weights are for {sorted(args.weights)}, gateways in {sorted(regions)}"
            )
        if sum(args.weights.values()) != 100:
            raise ValueError(f"{name}: the weights sum to {sum(args.weights.values())}, not 100")
        super().__init__(name, opts)
        self.balancer: LoadBalancer = target.global_load_balancer(name, args, parent=self)
        self.register_outputs({"url": self.balancer.url})
