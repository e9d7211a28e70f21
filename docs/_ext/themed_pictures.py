"""Pictures in two themes: a page names ``panel-light.png``, and readers of the dark site see ``panel-dark.png``."""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

LIGHT, DARK = "-light.png", "-dark.png"


class ThemedPictures(SphinxTransform):
    """Put the dark picture beside each light one; the PyData theme shows one of the two by their classes."""

    default_priority = 200  # before Sphinx collects the images of the page

    def apply(self) -> None:
        """Double the pictures of one page; called by Sphinx."""
        for image in list(self.document.findall(nodes.image)):
            if image["uri"].endswith(LIGHT):
                dark = image.deepcopy()
                dark["uri"] = image["uri"].removesuffix(LIGHT) + DARK
                image["classes"].append("only-light")
                dark["classes"].append("only-dark")
                image.parent.insert(image.parent.index(image) + 1, dark)


def setup(app: Sphinx) -> dict[str, bool]:
    """Name the transform to Sphinx, which calls this."""
    app.add_transform(ThemedPictures)
    return {"parallel_read_safe": True}
