"""The Rust half of maou: training records in files (`io`) and in an index (`index`)."""

from . import index as index
from . import io as io

__version__: str

def build_info() -> dict[str, str]:
    """What this extension was built from."""
