"""Every target, by importing the modules that register them."""

from fuzz import backups as backups
from fuzz import cards as cards
from fuzz import certificates as certificates
from fuzz import custody as custody
from fuzz import documents as documents
from fuzz import keys as keys
from fuzz import laws as laws
from fuzz import permits as permits
from fuzz import register as register
from fuzz import tables as tables
from fuzz import telegrams as telegrams
from fuzz.target import TARGETS as TARGETS
