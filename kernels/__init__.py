"""Kernels of the CUDA backend, each beside its torch reference; always imported as `lmc.kernels`.

transformers probes for a package named `kernels` (Hugging Face's) and reads its version; when this
folder is on `sys.path` it finds ours, so a harmless version must be here.
"""

__version__ = "0.0.0"
