"""Whether beats fall on cuts, and whether notes follow plan and picture."""
