"""Imports that the processes of jobs share; nothing here may start a thread."""

# ruff: noqa: F401
import amt.api
import amt.regenerate
import amt.report
import amt.sessions
import amt.studio.timeline
import render.engine
import render.mux
