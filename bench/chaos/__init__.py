"""Everything between a home and its clinic is killed, cut off, filled up and set back.

``python -m bench.chaos`` runs the product's own processes on real servers; what is at
the hub must be what is at the home, each time.
"""
