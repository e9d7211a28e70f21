"""Notebook files for ``jupyter emr run``: reading, choosing the kernel, parameters, writing as a whole."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from ..errors import NotebookError
from .spark_cells import leading_settings, with_parameters

if TYPE_CHECKING:
    from nbformat import NotebookNode
    from traitlets.config import Config

OUR_PROVISIONER = "emr-connect"
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
    """The kernelspec that a notebook is run with; ``spark`` when it is sparkmagic's, ``env`` as it sets it."""

    name: str
    language: str
    spark: bool
    env: dict[str, str] = field(default_factory=dict, repr=False)


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
    if _provisioner(spec.metadata) != OUR_PROVISIONER:
        message = f"The kernel {wanted!r} runs on this machine, not on a compute."
        raise NotebookError(message, fix=fix)
    # As jupyter_client fills references to the environment in.
    env = {key: Template(text).safe_substitute(os.environ) for key, text in spec.env.items()}
    return NotebookKernel(name, spec.language, bool((_settings(spec.metadata).get("config") or {}).get("spark")), env)


def kernelspec_env(path: str | None) -> dict[str, str]:
    """Return what the kernelspec of a notebook sets in the environment; nothing where ``path`` is no such notebook."""
    if path is None or not Path(path).is_file():
        return {}
    try:
        return choose_kernel(read_notebook(Path(path)), None).env
    except NotebookError:
        return {}


def our_kernelspecs() -> list[str]:
    """Return the names of the installed kernelspecs whose kernels run on computes."""
    from jupyter_client.kernelspec import KernelSpecManager

    specs = KernelSpecManager().get_all_specs()
    return sorted(name for name, entry in specs.items() if _provisioner(entry["spec"]["metadata"]) == OUR_PROVISIONER)


def _provisioner(metadata: Mapping[str, Any] | None) -> Any:
    return _settings(metadata).get("provisioner_name")


def _settings(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    found = (metadata or {}).get("kernel_provisioner")
    return found if isinstance(found, dict) else {}


def set_parameters(notebook: NotebookNode, parameters: dict[str, Any], kernel: NotebookKernel) -> NotebookNode:
    """Return the notebook with papermill's ``injected-parameters`` cell; raises ``NotebookError``.

    Papermill puts it first where no cell is tagged ``parameters``. In a Spark kernel it stands after the settings
    (``%%configure``) instead, since it starts the session, which takes none afterwards. ``${name}`` in the cells
    ``%%configure`` and ``%%sql`` of such a kernel stands for the value, since no variable reaches into them.
    """
    from nbformat import NotebookNode
    from papermill.exceptions import PapermillException
    from papermill.parameterize import parameterize_notebook

    # It warns where no cell is tagged, which is no fault: the parameters come first then.
    logging.getLogger("papermill").setLevel(logging.ERROR)
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
    if kernel.spark:
        _move_behind_settings(done)
        for cell in done.cells:
            if cell.cell_type == "code":
                cell.source = with_parameters(cell.source, parameters)
    return done


def _move_behind_settings(notebook: NotebookNode) -> None:
    def index_of(tag: str) -> int | None:
        tagged = (at for at, cell in enumerate(notebook.cells) if tag in cell.metadata.get("tags", ()))
        return next(tagged, None)

    at = index_of("injected-parameters")
    if at is not None and index_of("parameters") is None:
        injected = notebook.cells.pop(at)
        notebook.cells.insert(max(at, leading_settings(notebook.cells)), injected)


def clear_outputs(notebook: NotebookNode) -> None:
    """Take out what earlier runs have left, so that all that the executed notebook shows is of this run.

    What is left of a run that failed would else look as if it had gone on, and a stranger's output would be trusted.
    """
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    notebook.metadata.pop("widgets", None)


def type_parameter(text: str) -> bool | int | float | str | None:
    """Return the value that papermill's ``-p`` makes of ``text`` (True, False, None, int, float, else text)."""
    literals: dict[str, bool | None] = {"True": True, "False": False, "None": None}
    if text in literals:
        return literals[text]
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

    def write(self, notebook: NotebookNode) -> str:
        """Write the notebook in place of what was there, and return its text."""
        import nbformat

        text: str = nbformat.writes(notebook, version=4)
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
        return text


def trust(text: str, config: Config) -> str | None:
    """Sign a notebook's text as this user's own, so that Jupyter shows its HTML; return why that failed, else None.

    ``config`` is that of Jupyter's files: an administrator may keep the signatures elsewhere. Blocks on their file.
    """
    import nbformat
    from jupyter_core.paths import jupyter_data_dir
    from nbformat.sign import NotebookNotary
    from traitlets.config import Config

    settings = Config(NotebookNotary={"data_dir": jupyter_data_dir()})
    settings.merge(config)
    try:
        notary = NotebookNotary(config=settings)
        try:
            notary.sign(nbformat.reads(text, as_version=4))
        finally:
            notary.store.close()
    except Exception as error:  # whatever store of signatures is configured, the run has succeeded
        return f"{type(error).__name__}: {error}"
    return None


def _umask() -> int:
    value = os.umask(0o077)
    os.umask(value)
    return value
