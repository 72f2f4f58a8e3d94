"""Going on elsewhere: results in files, and as the tables and arrays with names of other packages."""

from .frames import to_dataframe as to_dataframe
from .inference import to_inference_data as to_inference_data
from .labelled import to_xarray as to_xarray
from .storage import load as load
from .storage import save as save

__all__ = ["load", "save", "to_dataframe", "to_inference_data", "to_xarray"]

# help() prints headings in overstruck letters, which no search finds: the names stand here in plain ones.
__doc__ = f"{__doc__}\nPublic names: {', '.join(__all__)}.\n"
