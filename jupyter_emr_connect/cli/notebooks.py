"""Notebook files for ``jupyter emr run``: reading, choosing the kernel, parameters, writing as a whole."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import NotebookError

if TYPE_CHECKING:
    from jupyter_client.kernelspec import KernelSpec
    from nbformat import NotebookNode

OURS = ("emr-pyspark", "emr-spark", "emr-sparkr", "emr-python")
# The names of the same kernels in EMR Studio and on plain gateways, so that its notebooks run unchanged.
ALIASES = {
    "pysparkkernel": "emr-pyspark",
    "sparkkernel": "emr-spark",
    "sparkrkernel": "emr-sparkr",
    "python3": "emr-python",
}


@dataclass(frozen=True)
class NotebookKernel:
    """The kernelspec that a notebook is run with; ``spark`` when it is sparkmagic's."""

    name: str
    language: str
    spark: bool


def read_notebook(path: Path) -> NotebookNode:
    """Return the notebook in ``path``, in the newest form; raises ``NotebookError``."""
    import nbformat
    from nbformat.reader import NotJSONError

    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        message = f"There is no notebook {str(path)!r}."
        raise NotebookError(message, fix="Check the path.") from error
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        message = f"The notebook {str(path)!r} cannot be read: {reason}."
        raise NotebookError(message, fix="Name a notebook file (.ipynb) that you may read.") from error
    try:
        notebook: NotebookNode = nbformat.v4.upgrade(nbformat.reads(text, as_version=4))
        nbformat.validate(notebook, relax_add_props=True)
    except NotJSONError as error:
        message = f"{str(path)!r} is not a notebook: it is not JSON."
        raise NotebookError(message, fix="Name a notebook file (.ipynb).") from error
    except (nbformat.ValidationError, AttributeError, KeyError, TypeError, ValueError) as error:
        why = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        message = f"{str(path)!r} is JSON, but not a valid notebook: {why}"
        raise NotebookError(message, fix="Open and save it in JupyterLab to see what is wrong.") from error
    return notebook


def choose_kernel(notebook: NotebookNode, asked: str | None) -> NotebookKernel:
    """Return the kernel to run with: ``--kernel``, else the notebook's own.

    EMR Studio's names stand for ours (``pysparkkernel`` is ``emr-pyspark``, ``python3`` is ``emr-python``). A kernel
    that would run on this machine is refused, since the notebook is meant for a compute.
    """
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    wanted = asked or (notebook.metadata.get("kernelspec") or {}).get("name")
    fix = f"Use --kernel with one of {', '.join(OURS)}."
    if not wanted:
        message = "The notebook names no kernel."
        raise NotebookError(message, fix=fix)
    name = ALIASES.get(wanted, wanted)
    try:
        spec = KernelSpecManager().get_kernel_spec(name)
    except NoSuchKernel as error:
        if name in OURS:
            message = f"The kernelspec {name!r} of jupyter_emr_connect is not installed where Jupyter looks for it."
            fix = "Run `pip install --force-reinstall --no-deps jupyter_emr_connect` in the environment of Jupyter."
            raise NotebookError(message, fix=fix) from error
        message = f"There is no kernel {wanted!r}."
        raise NotebookError(message, fix=fix) from error
    provisioner = _provisioner(spec)
    if provisioner.get("provisioner_name") != "emr-connect":
        message = f"The kernel {wanted!r} runs on this machine, not on a compute."
        raise NotebookError(message, fix=fix)
    return NotebookKernel(name, spec.language, bool((provisioner.get("config") or {}).get("spark")))


def _provisioner(spec: KernelSpec) -> dict[str, Any]:
    found = (spec.metadata or {}).get("kernel_provisioner")
    return found if isinstance(found, dict) else {}


def set_parameters(notebook: NotebookNode, parameters: dict[str, Any], kernel: NotebookKernel) -> NotebookNode:
    """Return the notebook with papermill's ``injected-parameters`` cell; raises ``NotebookError``."""
    from nbformat import NotebookNode
    from papermill.exceptions import PapermillException
    from papermill.parameterize import parameterize_notebook

    notebook.metadata.setdefault("papermill", NotebookNode())
    untagged = [cell for cell in notebook.cells if "tags" not in cell.metadata]
    for cell in untagged:  # papermill looks for its tags in every cell
        cell.metadata["tags"] = []
    try:
        done: NotebookNode = parameterize_notebook(
            notebook, parameters, kernel_name=kernel.name, language=kernel.language
        )
    except (PapermillException, TypeError, ValueError) as error:
        message = f"The parameters cannot be written in {kernel.language}: {error}"
        raise NotebookError(message, fix="Use text, numbers, booleans, lists and maps.") from error
    for cell in untagged:
        del cell.metadata["tags"]
    return done


def type_parameter(text: str) -> bool | int | float | str | None:
    """Return the value that papermill's ``-p`` makes of ``text`` (True, False, None, int, float, else text)."""
    known: dict[str, bool | None] = {"True": True, "False": False, "None": None}
    if text in known:
        return known[text]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text


def read_parameters(path: Path) -> dict[str, Any]:
    """Return the parameters in a YAML or JSON file; raises ``NotebookError``."""
    import yaml

    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError) as error:
        why = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
        message = f"The parameters file {str(path)!r} cannot be read: {why}."
        raise NotebookError(message, fix="Name a YAML or JSON file of names and values.") from error
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        message = f"The parameters file {str(path)!r} does not hold names and values."
        raise NotebookError(message, fix="Write it as `name: value`, one to a line.")
    return values


class Output:
    """The file that the notebook is written to, replaced as a whole each time, so that no reader sees half of it."""

    def __init__(self, path: Path) -> None:
        """Check that the folder can be written to; raises ``NotebookError``."""
        self.path = path
        self._target = Path(os.path.realpath(path))
        folder = self._target.parent
        why = None
        if not folder.is_dir():
            why = f"there is no folder {str(folder)!r}"
        elif self._target.is_dir():
            why = "it is a folder"
        elif not os.access(folder, os.W_OK | os.X_OK) or (
            self._target.exists() and not os.access(self._target, os.W_OK)
        ):
            why = "it may not be written to"
        if why:
            message = f"The output {str(path)!r} cannot be written: {why}."
            raise NotebookError(message, fix="Choose another path with -o.")
        self._mode = self._target.stat().st_mode & 0o777 if self._target.exists() else None

    def write(self, notebook: NotebookNode) -> None:
        """Write the notebook in place of what was there."""
        import nbformat

        text = nbformat.writes(notebook, version=4)
        try:
            handle, name = tempfile.mkstemp(prefix=f".{self._target.name}.", dir=self._target.parent)
            try:
                with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
                    file.write(text if text.endswith("\n") else f"{text}\n")
                Path(name).chmod(self._mode if self._mode is not None else 0o666 & ~_umask())
                Path(name).replace(self._target)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            message = f"The output {str(self.path)!r} cannot be written: {error.strerror}."
            raise NotebookError(message, fix="Free some space or choose another path with -o.") from error


def _umask() -> int:
    value = os.umask(0o077)
    os.umask(value)
    return value
