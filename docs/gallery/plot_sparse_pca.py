"""
Principal components in a few words
===================================

The first principal component of 30 measurements of tumours mixes all of them. A sparse one names a handful.
"""

# %%
# The correlation matrix of a data set that scikit-learn ships.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer

from sparsekit import truncated_power_method

data = load_breast_cancer()
correlation = np.corrcoef(data.data, rowvar=False)
first, largest = truncated_power_method(correlation)

# %%
# How much variance do k measurements explain? Cutting the full component to its k largest entries is the simple way.
# Truncated power iterations from there never lose variance, and often gain.


def cut(component, k):
    """The k largest entries, as a unit vector."""
    kept = np.zeros_like(component)
    largest_entries = np.argsort(-np.abs(component))[:k]
    kept[largest_entries] = component[largest_entries]
    return kept / np.linalg.norm(kept)


numbers = np.arange(1, 31)
truncated = [truncated_power_method(correlation, k, start=first)[1] for k in numbers]
simple = [cut(first, k) @ correlation @ cut(first, k) for k in numbers]

# %%
# A second component of other measurements: the first one is projected out of the matrix.

component, _ = truncated_power_method(correlation, 6)
rest = correlation - np.outer(correlation @ component, correlation @ component) / (component @ correlation @ component)
second, _ = truncated_power_method((rest + rest.T) / 2, 6)
for name, each in (("first", component), ("second", second)):
    print(name, ", ".join(data.feature_names[np.flatnonzero(each)]))

# %%
# The variance of k measurements, as a share of that of all 30.

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
axes.plot(numbers, np.array(truncated) / largest, "o-", label="truncated power method")
axes.plot(numbers, np.array(simple) / largest, ".--", label="full component, cut afterwards")
axes.set(xlabel="measurements in the component", ylabel="share of its variance", ylim=(0, 1.02))
axes.legend(loc="lower right")
plt.show()
