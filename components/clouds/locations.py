"""Every location of AWS, Google Cloud and Azure that has three zones, and what follows from it.

Plain data, so that an environment file is checked without any cloud's SDK. ``number`` gives a
location its addresses (``10.<number>.0.0/16``): no two locations share one, so regions of any mix
of clouds can be connected, and adding or removing one never moves another. A number is never given
again, nor changed.

Sources: docs.aws.amazon.com/global-infrastructure/latest/regions, cloud.google.com/compute/docs/
regions-zones, learn.microsoft.com/azure/reliability/regions-list.
"""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Literal

CloudName = Literal["aws", "gcp", "azure"]

Continent = Literal[
    "africa", "asia", "australia", "europe", "middle-east", "north-america", "south-america"
]

EVERY_REGION = IPv4Network("10.0.0.0/8")
"""Addresses of all regions, on whichever cloud."""

NO_REGION = (IPv4Network("10.0.0.0/16"), IPv4Network("10.255.0.0/16"))
"""Of these the clouds' own parts have their addresses: Azure's hubs, Google's APIs."""

_EU = frozenset({"at", "be", "de", "dk", "es", "fi", "fr", "gr", "ie", "it", "nl", "pl", "se"})


class LocationError(ValueError):
    """A location no cloud knows, or one of another cloud; the message says what would be right."""


@dataclass(frozen=True, kw_only=True)
class Location:
    """A cloud's location.

    Attributes:
        cloud: whose it is.
        name: as the cloud writes it: ``eu-central-1``, ``europe-west4``, ``westeurope``.
        number: second byte of its addresses, 1 to 254.
        country: ISO 3166-1 alpha-2, lower case.
        continent: where that is.
        zones: names of three zones, as the cloud's API takes them.
    """

    cloud: CloudName
    name: str
    number: int
    country: str
    continent: Continent
    zones: tuple[str, str, str]

    @property
    def jurisdiction(self) -> str:
        """Whose law its data is under: ``eu`` for the Union's members, else the country."""
        return "eu" if self.country in _EU else self.country

    @property
    def cidr(self) -> IPv4Network:
        """The addresses of a region here: a /16."""
        return IPv4Network(f"10.{self.number}.0.0/16")


def find(cloud: CloudName, name: str) -> Location:
    """Returns a cloud's location.

    Raises:
        LocationError: the cloud has none of that name.
    """
    if found := _ALL.get((cloud, name)):
        return found
    others = [other for other, known in _ALL if known == name]
    if others:
        raise LocationError(f"{name!r} is a location of {others[0]}, not of {cloud}")
    known = [known for other, known in _ALL if other == cloud]
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(known)}"
    raise LocationError(f"{cloud} has no location {name!r} with three zones; {hint}")


def front_cloud(clouds: Sequence[CloudName]) -> CloudName:
    """Returns the cloud that keeps an environment's DNS: the only one, or AWS among several.

    Why: docs/decisions/0008-one-front-door.md.
    """
    return "aws" if "aws" in clouds else clouds[0]


def jurisdictions() -> frozenset[str]:
    """Returns every jurisdiction that some location is in."""
    return frozenset(one.jurisdiction for one in _ALL.values())


# number, name, country, continent, letters of the zones where they are not a, b and c
_AWS = """
1 us-east-1 us north-america
2 us-east-2 us north-america
3 us-west-2 us north-america
4 ca-central-1 ca north-america abd
5 ca-west-1 ca north-america
6 mx-central-1 mx north-america
7 sa-east-1 br south-america
8 eu-west-1 ie europe
9 eu-west-2 gb europe
10 eu-west-3 fr europe
11 eu-central-1 de europe
12 eu-central-2 ch europe
13 eu-north-1 se europe
14 eu-south-1 it europe
15 eu-south-2 es europe
16 af-south-1 za africa
17 il-central-1 il middle-east
18 me-central-1 ae middle-east
19 me-south-1 bh middle-east
20 ap-east-1 hk asia
21 ap-south-1 in asia
22 ap-south-2 in asia
23 ap-northeast-1 jp asia acd
24 ap-northeast-2 kr asia
25 ap-northeast-3 jp asia
26 ap-southeast-1 sg asia
27 ap-southeast-2 au australia
28 ap-southeast-3 id asia
29 ap-southeast-4 au australia
30 ap-southeast-5 my asia
31 ap-southeast-7 th asia
"""

_GCP = """
80 us-central1 us north-america abc
81 us-east1 us north-america bcd
82 us-east4 us north-america abc
83 us-east5 us north-america abc
84 us-south1 us north-america abc
85 us-west1 us north-america abc
86 us-west2 us north-america abc
87 us-west3 us north-america abc
88 us-west4 us north-america abc
89 northamerica-northeast1 ca north-america abc
90 northamerica-northeast2 ca north-america abc
91 northamerica-south1 mx north-america abc
92 southamerica-east1 br south-america abc
93 southamerica-west1 cl south-america abc
94 europe-west1 be europe bcd
95 europe-west2 gb europe abc
96 europe-west3 de europe abc
97 europe-west4 nl europe abc
98 europe-west6 ch europe abc
99 europe-west8 it europe abc
100 europe-west9 fr europe abc
101 europe-west10 de europe abc
102 europe-west12 it europe abc
103 europe-central2 pl europe abc
104 europe-north1 fi europe abc
105 europe-north2 se europe abc
106 europe-southwest1 es europe abc
107 africa-south1 za africa abc
108 me-central1 qa middle-east abc
109 me-central2 sa middle-east abc
110 me-west1 il middle-east abc
111 asia-east1 tw asia abc
112 asia-east2 hk asia abc
113 asia-northeast1 jp asia abc
114 asia-northeast2 jp asia abc
115 asia-northeast3 kr asia abc
116 asia-south1 in asia abc
117 asia-south2 in asia abc
118 asia-southeast1 sg asia abc
119 asia-southeast2 id asia abc
120 australia-southeast1 au australia abc
121 australia-southeast2 au australia abc
"""

_AZURE = """
160 eastus us north-america
161 eastus2 us north-america
162 centralus us north-america
163 southcentralus us north-america
164 westus2 us north-america
165 westus3 us north-america
166 canadacentral ca north-america
167 mexicocentral mx north-america
168 brazilsouth br south-america
169 chilecentral cl south-america
170 northeurope ie europe
171 westeurope nl europe
172 uksouth gb europe
173 francecentral fr europe
174 germanywestcentral de europe
175 switzerlandnorth ch europe
176 norwayeast no europe
177 swedencentral se europe
178 italynorth it europe
179 polandcentral pl europe
180 spaincentral es europe
181 austriaeast at europe
182 southafricanorth za africa
183 uaenorth ae middle-east
184 qatarcentral qa middle-east
185 israelcentral il middle-east
186 centralindia in asia
187 eastasia hk asia
188 southeastasia sg asia
189 japaneast jp asia
190 japanwest jp asia
191 koreacentral kr asia
192 indonesiacentral id asia
193 malaysiawest my asia
194 australiaeast au australia
195 newzealandnorth nz australia
"""


def _zones(cloud: CloudName, name: str, letters: str) -> tuple[str, str, str]:
    if cloud == "azure":
        return "1", "2", "3"
    first, second, third = (f"{name}{'-' if cloud == 'gcp' else ''}{one}" for one in letters)
    return first, second, third


def _read(cloud: CloudName, table: str) -> dict[tuple[CloudName, str], Location]:
    found: dict[tuple[CloudName, str], Location] = {}
    for line in table.strip().splitlines():
        number, name, country, continent, *letters = line.split()
        found[cloud, name] = Location(
            cloud=cloud,
            name=name,
            number=int(number),
            country=country,
            continent=continent,  # pyright: ignore[reportArgumentType] - a test checks the table
            zones=_zones(cloud, name, letters[0] if letters else "abc"),
        )
    return found


_ALL = _read("aws", _AWS) | _read("gcp", _GCP) | _read("azure", _AZURE)

LOCATIONS: tuple[Location, ...] = tuple(_ALL.values())
"""Every location, AWS first, in the order of their numbers."""
