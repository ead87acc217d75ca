"""The service: HTTP and the live websocket of ``docs/protocol.md``, on FastAPI.

Routes say what is asked and answered; :mod:`.conductor` runs the sessions;
:mod:`.guard` stands before everything else.
"""
