"""The music that the command writes, measured beside music that people made."""
