"""Everything that a site cannot make again, as one folder: the database, the files of samples, and what was in them.

    parity-20261130T051200Z/
        database.dump    pg_dump's own format, of one moment
        files.tar        the files of samples, as they are stored
        manifest.json    release, migrations, rows by table, digests, and a text sealed with the site's secret key

`keep` writes one, `restore` reads it into an empty database, `verify` says what is not as it was.
"""
