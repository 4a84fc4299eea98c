"""The price file is checked when it is read, and says what is wrong with it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.paths import ROOT
from tools.review.prices import PriceFileError, load

FILE = ROOT / "tools" / "review" / "prices.yaml"
ONE = {"hourly": 1}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"currencies": "USD"}, "currencies: Extra inputs are not permitted"),
        ({"currency": "dollars"}, "currency: String should match pattern"),
        ({"hours_per_month": 0}, "hours_per_month: Input should be greater than 0"),
        ({"prices": {"a": [{"hourly": 1, "monthly": 1}]}}, "give either hourly or monthly"),
        ({"prices": {"a": [{}]}}, "give either hourly or monthly"),
        ({"prices": {"a": [{"hourly": {"x": 1}}]}}, "a table of rates needs `by`"),
        ({"prices": {"a": [{"hourly": 1, "by": "x"}]}}, "a table of rates needs `by`"),
        ({"prices": {"a": [{"hourly": -1}]}}, "prices.a.0.hourly"),
        (
            {"prices": {"a": [{**ONE, "only": ["mars"]}]}},
            "prices.a.0.only.0: Input should be 'aws'",
        ),
        ({"prices": {"a": [{**ONE, "per": 2}]}}, "prices.a.0.per: Extra inputs"),
        (
            {"prices": {"a": [{**ONE, "times": [{"of": "x", "unit": "kg"}]}]}},
            "prices.a.0.times.0.unit",
        ),
        ({"prices": {"a": []}}, "prices.a: Value should have at least 1 item"),
        ({"prices": {"random:a": [ONE]}}, "random:a is in prices, and in free or usage too"),
        ({"usage": ["random:a"]}, "random:a is in usage, and in free too"),
    ],
)
def test_a_wrong_price_file_is_refused_with_the_key(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    assert said in refused(tmp_path, yaml.safe_load(FILE.read_text()) | change)


def test_every_location_has_a_factor_and_no_other(tmp_path: Path) -> None:
    content = yaml.safe_load(FILE.read_text())
    del content["locations"]["aws"]["af-south-1"]
    assert "locations: Value error, there is no factor for aws.af-south-1" in refused(
        tmp_path, content
    )
    content["locations"]["aws"] |= {"af-south-1": 1, "mars-1": 1}
    assert "locations.py has no aws.mars-1" in refused(tmp_path, content)
    del content["locations"]["gcp"]
    assert "gcp.africa-south1, gcp.asia-east1" in refused(tmp_path, content)


def refused(folder: Path, content: Any) -> str:
    """Returns what is said of a price file."""
    file = folder / "prices.yaml"
    file.write_text(yaml.safe_dump(content))
    with pytest.raises(PriceFileError) as raised:
        load(file)
    assert str(raised.value).startswith("prices.yaml: ")
    return str(raised.value)


def test_a_price_file_that_is_no_yaml_or_not_there_is_said_so(tmp_path: Path) -> None:
    file = tmp_path / "prices.yaml"
    with pytest.raises(PriceFileError, match=r"prices\.yaml: No such file"):
        load(file)
    file.write_text("prices: [")
    with pytest.raises(PriceFileError, match=r"prices\.yaml: is no YAML"):
        load(file)
