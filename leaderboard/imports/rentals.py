"""What a GPU hour costs where one can be rented: list prices, on demand, with the page that says so and the day of it.

Prices move every week: these are places to begin from, and every calculation names the price that it used. They were
read off the providers' pages by the projects data-receipts and silybench, which publish them.
"""

from datetime import date
from typing import NamedTuple


class Rental(NamedTuple):
    """US dollars for one GPU and hour; `at_least`: so many GPUs come in one machine."""

    gpu: str
    memory_gb: int
    provider: str
    dollars: float
    at_least: int
    source: str
    read_on: date


NOVEMBER, SEPTEMBER = date(2026, 11, 9), date(2026, 9, 25)
RUNPOD, AWS, AZURE = (
    "https://www.runpod.io/pricing",
    "https://aws.amazon.com/ec2/pricing/on-demand/",
    "https://azure.microsoft.com/pricing/details/virtual-machines/linux/",
)
RENTALS = (
    Rental("A100 PCIe", 80, "RunPod, community hosts", 1.19, 1, RUNPOD, NOVEMBER),
    Rental("A100 PCIe", 80, "RunPod, its own data centres", 1.79, 1, RUNPOD, NOVEMBER),
    Rental("A100 SXM", 80, "AWS p4de.24xlarge, us-east-1", 3.4309, 8, AWS, NOVEMBER),
    Rental("A100 PCIe", 80, "Azure NC24ads A100 v4, eastus", 3.673, 1, AZURE, NOVEMBER),
    Rental("H100 SXM", 80, "RunPod, community hosts", 2.69, 1, RUNPOD, NOVEMBER),
    Rental("H100 SXM", 80, "RunPod, its own data centres", 3.99, 1, RUNPOD, NOVEMBER),
    Rental("H100 SXM", 80, "Lambda", 4.29, 1, "https://lambda.ai/pricing", SEPTEMBER),
    Rental("H100 SXM", 80, "AWS p5.48xlarge, us-east-1", 6.88, 8, AWS, NOVEMBER),
    Rental("H100 NVL", 94, "Azure NC40ads H100 v5, eastus", 6.98, 1, AZURE, NOVEMBER),
)
