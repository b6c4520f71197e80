"""Who signs in to the demonstration: `demo`, with a password that is made once."""

from pathlib import Path

from leaderboard import environment

NAME = "demo"


def password(state: Path) -> str:
    """Kept in the state folder, so that the next start shows the same."""
    return environment.kept_secret(state / "secrets" / "demo-password")[:16]
