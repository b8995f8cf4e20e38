"""What all rooms say of themselves, in the order in which serve.py opens them. Loads none of them."""

from __future__ import annotations

from typing import Final

from headrace.protocols.apollo import about as apollo
from headrace.protocols.datazone import about as datazone
from headrace.protocols.kairosdb import about as kairosdb
from headrace.protocols.opentsdb import about as opentsdb

ABOUT_ROOMS: Final = (opentsdb.ABOUT, kairosdb.ABOUT, apollo.ABOUT, datazone.ABOUT)
