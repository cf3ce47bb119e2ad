"""What a piece does, second by second, and a page that shows it beside the picture."""
