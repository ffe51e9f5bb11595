"""PID: primary IDs - their form, uniqueness and agreement with places."""

from rogi.rules.rule import Need
from rogi.schema.model import Role

WITH_ID = tuple(Need(role, ("primary_id",)) for role in (Role.MARKER, Role.OUTLINE, Role.MOVING_AREA))
