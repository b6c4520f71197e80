"""HTML for people. Every page works by plain links and forms; htmx only saves reloading."""
