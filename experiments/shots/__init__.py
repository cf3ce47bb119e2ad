"""Changes of shot that are found, on drawn films and on clips with a list of times."""
