"""One file of a data set, from a mirror or the Hub."""

from pathlib import Path

import httpx2
from django.conf import settings as site
from huggingface_hub import hf_hub_download

from evaluator import hub
from leaderboard.imports.evaluations import SourceError


def dataset_file(dataset: str, file: str) -> Path:
    """The file's path here: the first mirror's, else a download into the state folder. Raises SourceError."""
    folder = hub.locate_dataset(dataset, mirrors=site.HUB_MIRRORS)
    if folder is not None and (folder / file).is_file():
        return folder / file
    try:
        return Path(
            hf_hub_download(
                dataset,
                file,
                repo_type="dataset",
                endpoint=site.HUB_ENDPOINT,
                token=site.HUB_TOKEN or False,
                local_dir=site.STATE_DIR / "imports" / dataset,
                etag_timeout=20,
            )
        )
    except (OSError, httpx2.HTTPError, httpx2.InvalidURL, RuntimeError, ValueError) as error:
        said = " ".join(str(error).split())[:300]
        raise SourceError(
            f"{file} of {dataset} could not be had from the Hub ({type(error).__name__}: {said}), and no mirror "
            "has it. Try later, or download the file and name its path."
        ) from error
