"""Where synthetic units lie: boxes in mountain regions of the Tibetan Plateau or of the Earth, with shares.

The boxes are simple rectangles that do not overlap, chosen inside or near the regions they are named after;
they are not region boundaries.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians

CELL = 0.06
"""Degrees of latitude; a cell is divided into slots, one unit each, so that units keep clear of others."""
FULL_WIDTH_TO = 40.0
"""Degrees of latitude; up to there a cell is as wide in degrees of longitude, nearer to the poles wider."""


@dataclass(frozen=True, slots=True)
class Region:
    """A box (degrees) in a region, and the climate and size of its units.

    ``share`` is the part of all units, ``elevation`` the mean of their lowest elevation (m a.s.l.),
    ``precipitation`` mm a-1, ``size`` a factor on the area. In a box that is ``sparse`` each unit has a
    cell to itself, close to the middle, so that in one around the antimeridian most units cross it.
    """

    name: str
    west: float
    south: float
    east: float
    north: float
    share: float
    elevation: float
    precipitation: float
    size: float
    sparse: bool = False

    @property
    def cell_width(self) -> float:
        """Degrees of longitude."""
        farthest = max(abs(self.south), abs(self.north), FULL_WIDTH_TO)
        return CELL * (cos(radians(FULL_WIDTH_TO)) / cos(radians(farthest)))

    @property
    def columns(self) -> int:
        """Cells from west to east."""
        return int((self.east - self.west) / self.cell_width + 1e-9)

    @property
    def lines(self) -> int:
        """Cells from south to north."""
        return int((self.north - self.south) / CELL + 1e-9)


# Means of minimum elevation and shares are set so that the whole resembles TPRoGI v1.0: a mean minimum
# elevation near 4729 m, the largest numbers in the Nyainqêntanglha and the Western Pamir, larger units in
# the west (Sun et al. 2024, §5.2).
PLATEAU = (
    Region("Western Pamir", 70.2, 36.6, 73.4, 39.6, 0.14, 4380.0, 430.0, 1.45),
    Region("Eastern Pamir", 73.6, 37.2, 75.8, 39.6, 0.05, 4600.0, 330.0, 1.45),
    Region("Karakoram", 74.2, 34.8, 77.6, 36.9, 0.06, 4720.0, 420.0, 1.45),
    Region("Western Kunlun Shan", 77.8, 35.2, 82.6, 37.0, 0.05, 4900.0, 320.0, 1.40),
    Region("Eastern Kunlun Shan", 83.2, 35.0, 96.0, 36.8, 0.04, 4800.0, 360.0, 1.00),
    Region("Altun Shan", 86.4, 37.4, 93.6, 39.0, 0.02, 4400.0, 310.0, 1.00),
    Region("Qilian Shan", 96.4, 37.0, 101.6, 39.4, 0.03, 4200.0, 420.0, 0.80),
    Region("Tibetan Interior Mountains", 81.0, 31.8, 89.8, 34.8, 0.03, 5250.0, 350.0, 1.00),
    Region("Gangdise Mountains", 80.6, 29.6, 88.8, 31.6, 0.05, 5150.0, 420.0, 0.90),
    Region("Tanggula Shan", 90.2, 31.9, 94.6, 34.2, 0.04, 5000.0, 560.0, 0.85),
    Region("Nyainqêntanglha", 89.2, 29.3, 96.2, 31.7, 0.34, 4830.0, 690.0, 0.80),
    Region("Hengduan Shan", 96.4, 27.6, 102.0, 31.6, 0.10, 4550.0, 820.0, 0.80),
    Region("Eastern Tibetan Mountains", 95.0, 31.9, 102.0, 34.4, 0.05, 4600.0, 690.0, 0.80),
)

# Units of the 19 regions as published by Xu et al. (2026), doi 10.11888/Cryos.tpdc.303562, which come out
# exactly for as many units as there are. Where the units of a region lie is our choice: of region 15 some
# lie in Antarctica, where that inventory has none, so that high southern latitudes can be tried.
# Sizes give the published mean of 0.129 km².
_SOUTHERN = "South Georgia and the South Sandwich Islands"
GLOBE = (
    Region("Alaska", -160.0, 67.5, -142.0, 69.0, 12_300, 1100.0, 450.0, 0.9),
    Region("Alaska", -154.0, 61.5, -142.0, 64.0, 17_997, 1300.0, 800.0, 0.95),
    Region("Alaska", 179.9609, 51.6, 180.0391, 53.4, 15, 600.0, 1300.0, 0.9, sparse=True),
    Region("Western Canada and USA", -127.0, 50.0, -119.0, 56.0, 22_000, 1900.0, 1000.0, 0.9),
    Region("Western Canada and USA", -118.0, 37.0, -106.0, 49.0, 19_019, 2800.0, 800.0, 0.9),
    Region("Iceland", -19.5, 65.3, -17.5, 66.3, 462, 850.0, 1100.0, 0.8),
    Region("Svalbard Archipelago", 12.0, 76.6, 26.0, 80.4, 109, 180.0, 400.0, 0.8),
    Region("Scandinavia", 7.0, 61.0, 9.5, 62.8, 693, 1300.0, 900.0, 0.7),
    Region("Scandinavia", 16.0, 67.5, 21.0, 69.9, 1_000, 800.0, 800.0, 0.7),
    Region("Severny Island", 56.0, 74.0, 66.0, 76.8, 147, 300.0, 400.0, 0.8),
    Region("Central Europe", 6.0, 45.0, 13.5, 47.2, 8_903, 2300.0, 1200.0, 0.65),
    Region("Caucasus and Middle East", 41.0, 41.5, 47.5, 43.6, 2_900, 2700.0, 1000.0, 0.8),
    Region("Caucasus and Middle East", 42.0, 36.0, 53.0, 38.5, 1_392, 3000.0, 500.0, 0.8),
    Region("Central Asia", 67.5, 39.7, 87.0, 43.7, 45_000, 3300.0, 600.0, 0.95),
    Region("Central Asia", 70.2, 36.9, 75.8, 39.6, 12_000, 4400.0, 400.0, 1.3),
    Region("Central Asia", 77.8, 35.2, 96.0, 37.0, 16_541, 4800.0, 350.0, 1.1),
    Region("Central Asia", 96.4, 37.0, 101.6, 39.4, 10_000, 4200.0, 420.0, 0.8),
    Region("South Asia West", 67.0, 34.5, 73.0, 36.7, 12_000, 4200.0, 550.0, 1.2),
    Region("South Asia West", 73.5, 31.5, 79.0, 35.0, 18_208, 4500.0, 700.0, 1.2),
    Region("South Asia East", 89.2, 29.3, 96.2, 31.7, 18_000, 4830.0, 690.0, 0.8),
    Region("South Asia East", 82.0, 27.3, 92.0, 29.2, 9_000, 4700.0, 900.0, 0.9),
    Region("South Asia East", 96.4, 27.6, 102.0, 31.6, 11_917, 4550.0, 820.0, 0.8),
    Region("Southern Andes", -70.6, -37.0, -69.2, -27.0, 5_800, 3700.0, 400.0, 1.2),
    Region("Southern Andes", -73.0, -50.0, -71.0, -40.0, 1_336, 1600.0, 900.0, 0.8),
    Region("New Zealand", 167.5, -45.0, 171.5, -42.7, 413, 1700.0, 1500.0, 0.7),
    Region("Western Mediterranean", -3.6, 36.9, -2.9, 37.3, 17, 2700.0, 700.0, 0.6),
    Region("Western Mediterranean", -8.2, 31.0, -5.5, 32.2, 20, 3000.0, 600.0, 0.6),
    Region(_SOUTHERN, -38.0, -54.9, -35.8, -54.0, 40, 150.0, 1400.0, 0.7),
    Region(_SOUTHERN, -60.0, -64.2, -56.0, -63.2, 14, 120.0, 600.0, 0.8),
    Region(_SOUTHERN, 160.0, -78.0, 164.0, -77.0, 12, 700.0, 150.0, 0.9),
    Region(_SOUTHERN, -178.0, -86.0, -160.0, -84.8, 8, 1400.0, 130.0, 0.9),
    Region("Northern Andes", -72.5, -22.5, -66.5, -13.0, 2_297, 4700.0, 500.0, 0.8),
    Region("South Greenland", -54.5, 69.2, -52.0, 70.3, 600, 500.0, 400.0, 0.9),
    Region("South Greenland", -46.0, 60.2, -43.0, 61.2, 265, 700.0, 900.0, 0.9),
    Region("North Asia", 84.0, 47.0, 98.0, 51.5, 21_000, 2300.0, 450.0, 0.9),
    Region("North Asia", 128.0, 61.0, 150.0, 68.0, 19_000, 1100.0, 300.0, 0.95),
    Region("North Asia", 156.5, 53.0, 161.0, 57.0, 3_000, 900.0, 800.0, 0.9),
    Region("North Asia", 170.0, 65.5, 179.5, 68.5, 6_005, 500.0, 400.0, 0.9),
    Region("North Asia", 179.938, 66.0, 180.062, 68.2, 30, 450.0, 400.0, 0.9, sparse=True),
    Region("North Asia", -179.5, 65.0, -172.0, 67.0, 20, 400.0, 450.0, 0.9),
    Region("Arctic Canada South", -84.0, 64.0, -64.0, 72.0, 2_044, 500.0, 300.0, 0.9),
)
