"""PostgreSQL and Valkey from their wheels, for the time that DATABASE_URL and REDIS_URL are unset.

`services.ensure` is the way in. Nothing here imports Django: settings.py and manage.py call it before Django is set up.
"""
