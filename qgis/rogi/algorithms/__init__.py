"""The algorithms, one module each."""

from .apply import Apply
from .attributes import Attributes
from .compare import Compare
from .fix import Fix
from .plan import Plan
from .sample import Sample
from .statistics import Statistics
from .validate import Validate

ALGORITHMS = (Validate, Fix, Attributes, Compare, Statistics, Sample, Plan, Apply)
