"""Configuration of the application, declared once and validated at startup."""
