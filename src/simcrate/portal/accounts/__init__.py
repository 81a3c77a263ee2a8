"""Who uses the portal."""
