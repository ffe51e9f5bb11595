"""SCH: structure - layers, coordinate reference systems, columns and their values."""

from rogi.rules.rule import Need
from rogi.schema.model import Role

EVERY_LAYER = tuple(Need(role) for role in Role)
