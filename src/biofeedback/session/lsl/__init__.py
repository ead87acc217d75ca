"""A session on the Lab Streaming Layer, beside other instruments: extra ``lsl``.

:mod:`.streams` says what there is, :mod:`.timeline` when it happened, :mod:`.markers`
what is told of people and of the link; :mod:`.outlets` alone knows ``pylsl``, and
:mod:`.sender` follows a session's hub like any other viewer.
"""
