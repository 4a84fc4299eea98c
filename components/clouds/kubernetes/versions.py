"""The add-ons every cluster runs, each at one version: the only place that says which.

The simulation knows the custom resources of exactly these (``tools/simulation/kubernetes``).
"""

from dataclasses import dataclass

ELASTIC_STACK = "9.2.2"
"""Of Elasticsearch and Filebeat, which the operator runs."""


@dataclass(frozen=True, kw_only=True)
class AddOn:
    """A Helm chart.

    Attributes:
        chart: its name, and the release's.
        repository: where it is published.
        version: of the chart, exact.
        namespace: that it is put into.
        webhook_port: of its pods, that the API server calls; None where it calls none.
    """

    chart: str
    repository: str
    version: str
    namespace: str
    webhook_port: int | None = None

    @property
    def service_account(self) -> str:
        """Name of the service account that it acts in the cloud with."""
        return self.chart


PROMETHEUS = AddOn(
    chart="kube-prometheus-stack",
    repository="https://prometheus-community.github.io/helm-charts",
    version="91.5.1",
    namespace="monitoring",
    webhook_port=10250,
)
CERT_MANAGER = AddOn(
    chart="cert-manager",
    repository="https://charts.jetstack.io",
    version="v1.21.2",
    namespace="cert-manager",
    webhook_port=10250,
)
EXTERNAL_SECRETS = AddOn(
    chart="external-secrets",
    repository="https://charts.external-secrets.io",
    version="1.3.2",
    namespace="external-secrets",
    webhook_port=10250,
)
EXTERNAL_DNS = AddOn(
    chart="external-dns",
    repository="https://kubernetes-sigs.github.io/external-dns",
    version="1.20.0",
    namespace="external-dns",
)
ARGO_ROLLOUTS = AddOn(
    chart="argo-rollouts",
    repository="https://argoproj.github.io/argo-helm",
    version="2.41.1",
    namespace="argo-rollouts",
)
ECK = AddOn(
    chart="eck-operator",
    repository="https://helm.elastic.co",
    version="3.5.0",
    namespace="elastic-system",
    webhook_port=9443,
)

ADD_ONS = (PROMETHEUS, CERT_MANAGER, EXTERNAL_SECRETS, EXTERNAL_DNS, ARGO_ROLLOUTS, ECK)
