"""Claims about models as data: what each says, and the terms of the test that decides it. No database."""
