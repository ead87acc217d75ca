"""The patient's side of a clinic: what a home sends, to whom, and only while it may.

``home`` holds it together for as long as the service runs. ``link`` is the way to the
clinic that was joined: it brings who is there, and takes what was consented to.
``copying`` says whether recordings may be sent; the outbox sends them. Practice needs
none of this: without the clinic everything goes on as before.
"""
