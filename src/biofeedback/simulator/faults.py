"""What goes wrong in life, as values: begin a fault, look, and end it.

>>> FAULTS["link_drop"].sentence
'The link is lost, and can be had again at once.'
"""

from biofeedback.simulator import faults_host, faults_link, faults_stream
from biofeedback.simulator.fault import FAULTS, Fault, World, fault_named

__all__ = ["FAULTS", "Fault", "World", "fault_named"]

# Importing them registered what they hold; named here, so that nobody takes it away.
_PARTS = (faults_host, faults_link, faults_stream)
