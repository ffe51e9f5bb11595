"""Where synthetic units lie: a box inside each of the 13 subregions, and shares of the units.

The boxes are simple rectangles that do not overlap, chosen inside or near the HiMAP regions (Bolch et
al. 2019) on the Tibetan Plateau; they are not region boundaries.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Region:
    """A subregion: its box (degrees) and the climate and size of its units.

    ``share`` is the part of all units, ``elevation`` the mean of their lowest elevation (m a.s.l.),
    ``precipitation`` mm a-1, ``size`` a factor on the area.
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


# Means of minimum elevation and shares are set so that the whole resembles TPRoGI v1.0: a mean minimum
# elevation near 4729 m, the largest numbers in the Nyainqêntanglha and the Western Pamir, larger units in
# the west (Sun et al. 2024, §5.2).
REGIONS = (
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
