"""A believable heart and the straps around it: demo, tests and benchmarks.

- :mod:`.heart`, :mod:`.body`, :mod:`.waves`: someone with beats, breath and an ECG.
- :mod:`.strap`, :mod:`.packets`, :mod:`.pmd`: what a strap sends, as bytes, sans-I/O.
- :mod:`.models`: straps as they are sold; :mod:`.faults`: what goes wrong with them.
- :mod:`.bus`, :mod:`.bluez`: a private D-Bus with a virtual ``org.bluez`` on it, which
  the unmodified Bleak takes for this computer's Bluetooth.
- ``python -m biofeedback.simulator`` and :mod:`.control`: all of it in a process of its
  own, and faults from outside.
"""
