"""The add-ons whose Helm releases the stand-in knows: chart, version, and where its CRDs are.

A release of a chart that is not here, or of another version, is refused: nothing would be known
of what it brings. To move to a newer chart, change its row; the module's version is the chart's
``appVersion``.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class AddOn:
    """One chart and the Go module that holds its CRDs.

    Attributes:
        name: of the chart.
        version: of the chart, exact.
        module: path of the Go module of the application.
        module_version: the application's version, as the module proxy serves it.
        crds: a YAML file or a folder of them in the module.
    """

    name: str
    version: str
    module: str
    module_version: str
    crds: str


ADD_ONS = (
    AddOn(
        name="cert-manager",
        version="v1.21.2",
        module="github.com/cert-manager/cert-manager",
        module_version="v1.21.2",
        crds="deploy/crds",
    ),
    AddOn(
        name="external-secrets",
        version="1.3.2",
        module="github.com/external-secrets/external-secrets",
        module_version="v1.3.2",
        crds="deploy/crds/bundle.yaml",
    ),
    AddOn(
        name="external-dns",
        version="1.20.0",
        module="sigs.k8s.io/external-dns",
        module_version="v0.20.0",
        crds="config/crd/standard",
    ),
    AddOn(
        name="argo-rollouts",
        version="2.41.1",
        module="github.com/argoproj/argo-rollouts",
        module_version="v1.9.1",
        crds="manifests/crds",
    ),
    AddOn(
        name="kube-prometheus-stack",
        version="91.5.1",
        module="github.com/prometheus-operator/prometheus-operator",
        module_version="v0.94.1",
        crds="example/prometheus-operator-crd",
    ),
    AddOn(
        name="eck-operator",
        version="3.5.0",
        module="github.com/elastic/cloud-on-k8s/v3",
        module_version="v3.5.0",
        crds="config/crds/v1/all-crds.yaml",
    ),
)
