"""The ``local`` Pulumi provider: the platform's infrastructure as processes of one machine.

``framework`` has what every resource shares, ``server`` speaks the engine's protocol, ``registry``
names the resource types, ``resources`` implements them. ``supervision`` is the one way a process
is started, watched and stopped, whatever it is.
"""
