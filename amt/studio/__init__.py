"""The studio: clips scored over HTTP, and a page on which the music is edited beside the picture.

``amt serve`` is the HTTP interface, ``amt studio`` the same with a page on top of it. Words:

project
    A clip that was uploaded, and all that was made for it. Its id has 128 random bits and is the
    only way to it: whoever does not know it can neither list nor read anything of it.
take
    A piece for the clip, named by a letter. A take is a plan (:mod:`amt.plan`): what is done by
    hand changes the plan, and ``amt arrange`` turns that into the same bytes of MIDI.
version
    A state of a take. Every edit adds one; undo goes back to the one before.
job
    Work in a process of its own, which may crash without harm to the server.

Rooms: ``limits`` and ``guard`` are what is refused; ``projects`` keeps the files, ``jobs`` the
queue and the processes; ``tasks`` is what these do; ``wishes`` reads options from JSON; ``edits``
changes plans; ``app`` joins them. Starlette and uvicorn come with the extra ``studio``.
"""
