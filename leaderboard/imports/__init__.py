"""Reading what was measured or said elsewhere: files and packages in, plain values out. No database here."""
