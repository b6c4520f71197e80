"""`make run`: the whole product on one machine, with a real model evaluated in front of you."""
