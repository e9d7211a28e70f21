"""Which notebook a request for a session is for."""

from __future__ import annotations

import pytest

from jupyter_emr_connect.server.kernels.locating import final_path

LAB = "99b2fa6d-07ad-42eb-aaee-ab1132ef2765"


@pytest.mark.parametrize(
    ("path", "name", "final"),
    [
        (f"work/{LAB}", "report.ipynb", "work/report.ipynb"),
        (LAB, "report.ipynb", "report.ipynb"),
        (f"RTC:work/{LAB}", "report.ipynb", "RTC:work/report.ipynb"),
        (f"RTC:{LAB}", "report.ipynb", "RTC:report.ipynb"),
        (f"work/{LAB}", "", f"work/{LAB}"),
        (f"work/{LAB}", "/other/report.ipynb", f"work/{LAB}"),
        (f"work/{LAB}.ipynb", "report.ipynb", f"work/{LAB}.ipynb"),
        ("work/report.ipynb", "other.ipynb", "work/report.ipynb"),
        ("work/report-jvsc-99b2fa6d-07ad.ipynb", "other.ipynb", "work/report-jvsc-99b2fa6d-07ad.ipynb"),
        ("", "report.ipynb", ""),
    ],
)
def test_a_session_of_jupyterlab_gets_its_documents_path_afterwards(path: str, name: str, final: str) -> None:
    assert final_path(path, name) == final
