"""Google Cloud's regions and multi-regions. Sources: "Regions and zones", "Bucket locations"."""

REGIONS = frozenset(
    {
        "africa-south1",
        "asia-east1",
        "asia-east2",
        "asia-northeast1",
        "asia-northeast2",
        "asia-northeast3",
        "asia-south1",
        "asia-south2",
        "asia-southeast1",
        "asia-southeast2",
        "asia-southeast3",
        "australia-southeast1",
        "australia-southeast2",
        "europe-central2",
        "europe-north1",
        "europe-north2",
        "europe-southwest1",
        "europe-west1",
        "europe-west10",
        "europe-west12",
        "europe-west2",
        "europe-west3",
        "europe-west4",
        "europe-west6",
        "europe-west8",
        "europe-west9",
        "me-central1",
        "me-central2",
        "me-west1",
        "northamerica-northeast1",
        "northamerica-northeast2",
        "northamerica-south1",
        "southamerica-east1",
        "southamerica-west1",
        "us-central1",
        "us-east1",
        "us-east4",
        "us-east5",
        "us-south1",
        "us-west1",
        "us-west2",
        "us-west3",
        "us-west4",
    }
)
_BROAD = {"us", "eu", "asia", "europe", "global", "nam4", "eur4", "asia1", "nam-eur-asia1"}
_ZONES = {"europe-west1": "bcd", "us-east1": "bcd"}


def is_location(name: str) -> bool:
    """Tells whether a name is that of a region, a zone or a multi-region."""
    lower = name.lower()
    return lower in REGIONS or lower in _BROAD or lower.rpartition("-")[0] in REGIONS


def zones(region: str) -> list[str]:
    """Returns the names of a region's zones."""
    return [f"{region}-{letter}" for letter in _ZONES.get(region, "abc")]
