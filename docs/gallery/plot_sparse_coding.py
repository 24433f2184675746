"""
A photograph in a few cosines
=============================

Every 8 x 8 patch of a photograph is coded by at most four of 256 two-dimensional cosines, and put together again.
"""

# %%
# Rows are signals: 4096 patches that do not overlap, each without its mean.

import matplotlib.pyplot as plt
import numpy as np

from sparsekit import PursuitCoder
from sparsekit.datasets import dct_dictionary, load_camera

image = load_camera().astype(float)
patches = image.reshape(64, 8, 64, 8).swapaxes(1, 2).reshape(-1, 64)
means = patches.mean(axis=1, keepdims=True)

# %%
# The codes are a sparse matrix. A patch of plain sky needs no atom at all when the error is bounded instead of the
# number of atoms.

coder = PursuitCoder(dct_dictionary(16, (8, 8)), n_nonzero_coefs=4)
codes = coder.fit_transform(patches - means)
bounded = coder.set_params(tol=64 * 5.0**2).fit_transform(patches - means)
print(f"four atoms each: {codes.nnz} numbers; error of 5 grey levels: {bounded.nnz} numbers")

# %%
# What four atoms show, and where the bounded error spends its atoms.


def assemble(rows):
    """The image from its patches."""
    return rows.reshape(64, 64, 8, 8).swapaxes(1, 2).reshape(512, 512)


figure, panels = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
panels[0].imshow(image, cmap="gray")
panels[1].imshow(assemble(coder.inverse_transform(codes) + means), cmap="gray", vmin=0, vmax=255)
panels[2].imshow(np.diff(bounded.indptr).reshape(64, 64), cmap="magma")
for panel, title in zip(panels, ("photograph", "four atoms a patch", "atoms for an error of 5"), strict=True):
    panel.set_title(title)
    panel.set_axis_off()
plt.show()
