# The public names, read by type checkers and, through lazy_loader, by ``__init__.py``.
from . import errors as errors
from .api.attributes import area as area
from .api.attributes import aspect_of as aspect_of
from .api.attributes import climate as climate
from .api.attributes import elevation as elevation
from .api.attributes import slope_of as slope_of
from .api.attributes import solar_radiation as solar_radiation
from .api.comparing import compare as compare
from .api.comparing import match as match
from .api.detection import evaluate as evaluate
from .api.detection import predict as predict
from .api.filling import fill_attributes as fill_attributes
from .api.identity import parse_ids as parse_ids
from .api.identity import primary_id as primary_id
from .api.identity import repair_ids as repair_ids
from .api.inventories import convert as convert
from .api.inventories import fix as fix
from .api.releasing import build_release as build_release
from .api.releasing import check_release as check_release
from .api.releasing import diff as diff
from .api.reviewing import draw_sample as draw_sample
from .api.reviewing import score_reviews as score_reviews
from .api.statistics import grid as grid
from .api.statistics import summarise as summarise
from .api.training import cut_patches as cut_patches
from .api.training import train as train
from .api.updating import apply_update as apply_update
from .api.updating import plan_update as plan_update
from .api.validating import validate as validate
from .api.zonal import zonal_statistics as zonal_statistics
from .inventory.model import Inventory as Inventory
from .inventory.read import read_inventory as read_inventory
from .schema.model import Role as Role
from .synthetic.inventory import synthetic_inventory as synthetic_inventory
from .validation.settings import Settings as Settings

__version__: str
