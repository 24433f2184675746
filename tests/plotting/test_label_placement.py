"""Boxes that are taken touch none of those taken before."""

import numpy as np
import pytest

from sparsekit.plotting.label_placement import free_boxes


def corners(center, size, angle):
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]])
    return np.array([center + 0.5 * i * size[0] * along + 0.5 * j * size[1] * across for i in (-1, 1) for j in (-1, 1)])


def overlap(a, b):
    """Whether no side of either box has the other beyond it; a box is (center, size, angle)."""
    for angle in (a[2], b[2]):
        for turn in (angle, angle + np.pi / 2):
            axis = np.array([np.cos(turn), np.sin(turn)])
            one, other = corners(*a) @ axis, corners(*b) @ axis
            if one.max() < other.min() or other.max() < one.min():
                return False
    return True


@pytest.mark.parametrize("seed", range(5))
def test_no_two_overlap(seed):
    rng = np.random.default_rng(seed)
    centers, angles = rng.uniform(0, 10, (150, 2)), rng.uniform(-4, 4, 150)
    sizes = np.stack([rng.uniform(0.3, 3, 150), rng.uniform(0.2, 0.5, 150)], axis=1)
    taken = free_boxes(centers, sizes, angles)
    assert taken == sorted(taken)
    assert 10 < len(taken) < 150
    boxes = [(centers[i], sizes[i], angles[i]) for i in taken]
    assert not any(overlap(boxes[i], boxes[j]) for i in range(len(boxes)) for j in range(i))
    # what was left out is near one that was taken: circles stand out by half a height at most
    for i in set(range(150)) - set(taken):
        wide = (centers[i], sizes[i] + sizes[i, 1], angles[i])
        assert any(overlap(wide, (b[0], b[1] + b[1][1], b[2])) for b in boxes)


def test_the_first_ones_win():
    centers, sizes = np.array([[0.0, 0], [0.5, 0], [5, 0], [9, 0]]), np.tile([1.0, 0.4], (4, 1))
    assert free_boxes(centers, sizes, np.zeros(4)) == [0, 2, 3]
    assert free_boxes(centers, sizes, np.zeros(4), most=2) == [0, 2]
    assert free_boxes(centers, sizes, np.full(4, np.pi / 2)) == [0, 1, 2, 3]
    assert free_boxes(centers[:0], sizes[:0], np.zeros(0)) == []
