"""nakadachi (仲立ち): an open Information Provision Network System."""

__version__ = "0.1.0"
