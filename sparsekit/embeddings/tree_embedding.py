"""Trees in hyperbolic space by construction, with distances that are exact at any scale.

Angles and scales are in :mod:`sparsekit.embeddings.tree_placement`, distances in
:mod:`sparsekit.embeddings.tree_distances`.
"""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_scalar
from sklearn.utils.validation import check_is_fitted, check_non_negative, validate_data

from sparsekit.core.edges import NodeIndex, is_matrix
from sparsekit.core.validation import check_choice
from sparsekit.embeddings.graph_trees import graph_to_tree
from sparsekit.embeddings.planar_distances import planar_form
from sparsekit.embeddings.spatial_distances import spatial_form
from sparsekit.embeddings.tree_distances import nearest, pair_distances, recentered, rows_from
from sparsekit.embeddings.tree_placement import (
    FLOAT64_REACH,
    guaranteed_distortion,
    paper_scale,
    representable_scale,
    smallest_angle,
    subtree_angles,
    tight_scale,
    uniform_angles,
    uniform_directions,
)

SCALES = ("auto", "tight", "paper")


class HyperbolicTreeEmbedding(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""Embed a tree, or a tree of a graph, in the Poincare ball by construction.

    Every node puts its neighbours around itself, as far from each other as they can be, at ``scale`` times the lengths
    of the edges. The longer the edges, the better distances in the ball agree with those in the tree, and the farther
    out its coordinates are: beyond what float64 can hold when depth times scale exceeds 36. The embedding itself is
    held as lengths and directions of edges, from which all distances follow at any scale, in float64, to the last
    digits.

    Parameters
    ----------
    n_components : int, default=2
        Dimension r of the ball, >= 2.
    scale : {"auto", "tight", "paper"} or float, default="auto"
        Length of an edge of weight 1. "tight": the least that `max_distortion` asks for, given the smallest angle
        between neighbours; "auto": that, but no more than coordinates in float64 allow; "paper": the formula of
        :cite:`sala2018` for the largest degree, 1.3 to 5 times "tight".
    max_distortion : float, default=0.1
        Distances in the ball, divided by the scale, shall be those in the tree or smaller, by a factor of
        1 + max_distortion at most.
    root : "center", "max_degree" or node, default="center"
        Node at the centre of the ball.
    child_angles : {"uniform", "subtree"}, default="uniform"
        In the plane: neighbours at equal angles, in ascending order of the nodes; or in sectors that grow with the
        number of leaves behind them.
    tree : {"bfs", "mst", "overlap", "treerep", "steiner"}, default="bfs"
        The tree of a graph that is none, as :func:`graph_to_tree` makes it.
    forest : bool, default=False
        Whether a graph of several components is embedded; they hang from an added node, on edges as long as the
        longest of the graph. Else it is an error.
    random_state : int, RandomState instance or None, default=None
        Not used: the construction is deterministic.

    Attributes
    ----------
    nodes_ : ndarray of shape (n_nodes,)
        Labels of the nodes, in the order of all results: ascending, or that of networkx.
    embedding_ : ndarray of shape (n_nodes, n_components)
        Coordinates in the ball. AttributeError where float64 cannot hold them.
    scale_ : float
        Length of an edge of weight 1.
    distortion_bound_ : float
        The `max_distortion` that `scale_` is good for; infinite where none is.
    n_collapsed_ : int
        Pairs of nodes that share their coordinates in `embedding_`; 0 without coordinates.
    order_ : ndarray of shape (n_total,)
        Node at each breadth-first position: an index to `nodes_`, or one above for nodes that the tree adds.
    parents_ : ndarray of shape (n_total,)
        Position of each parent, -1 at the root. By position, as all that follow.
    edge_lengths_ : ndarray of shape (n_total,)
        Hyperbolic length of the edge to the parent.
    angles_ : ndarray of shape (n_total,)
        In the plane: direction in the frame of the parent, whose own parent stands at 0; in radians.
    directions_ : ndarray of shape (n_total, n_components)
        In more dimensions: unit vectors in the frame of the parent, which is that of its own parent moved along the
        edge without turning.
    n_features_in_ : int
        Number of nodes.
    feature_names_in_ : ndarray of shape (n_nodes,)
        Of a dataframe that is an adjacency.

    See Also
    --------
    graph_to_tree : The tree alone.
    distortion_report : How good an embedding is.
    hyperbolic_distances : Distances of coordinates.

    Notes
    -----
    O(n) in the plane, O(n r) else, and the search for directions, which is cached for each number of neighbours. With a
    node as the root and uniform angles the embedding is that of :cite:`sala2018`: child k = 1..c of a node at
    2 pi k/(c + 1) from its parent, 2 pi k/c (k = 0..c - 1) at the root.

    On a tree a larger scale only helps. On other graphs the error of the tree itself is what is left. Precision then
    mostly wants ``tree="overlap"``, ``child_angles="subtree"`` and a large scale; average distortion "steiner" or
    "treerep", and a moderate one.

    There is no `transform`, as in MDS.

    References
    ----------
    :cite:`sarkar2011`, :cite:`sala2018`

    Examples
    --------
    >>> import numpy as np
    >>> from sparsekit import HyperbolicTreeEmbedding
    >>> edges = np.array([[0, 1], [0, 2], [1, 3], [1, 4]])
    >>> tree = HyperbolicTreeEmbedding(scale=10.0, root=0).fit(edges)
    >>> tree.embedding_.shape
    (5, 2)
    >>> (tree.distances_from(3) / tree.scale_).round(3)
    array([1.971, 1.   , 2.971, 0.   , 1.971])
    """

    def __init__(
        self,
        n_components=2,
        *,
        scale="auto",
        max_distortion=0.1,
        root="center",
        child_angles="uniform",
        tree="bfs",
        forest=False,
        random_state=None,
    ):
        self.n_components = n_components
        self.scale = scale
        self.max_distortion = max_distortion
        self.root = root
        self.child_angles = child_angles
        self.tree = tree
        self.forest = forest
        self.random_state = random_state

    def fit(self, X, y=None):
        """Embed a graph.

        Parameters
        ----------
        X : graph
            A networkx graph; an adjacency (n_nodes, n_nodes), sparse, or dense for more than 3 nodes; edges
            (n_edges, 2) or (n_edges, 3) with weights; or parents (n_nodes,).
        y : Ignored
            Present for API consistency.

        Returns
        -------
        self : HyperbolicTreeEmbedding
            The fitted estimator.

        Raises
        ------
        ValueError
            For graphs without nodes or with several components, weights that are not positive and finite, an unknown
            root, and parameters out of range.
        TypeError
            For what is no graph.

        Warns
        -----
        UserWarning
            Where nodes share their coordinates, float64 holds none at the scale, or self loops are dropped.
        """
        self._check_parameters()
        if not hasattr(X, "nodes") and is_matrix(X):
            X = validate_data(self, X, accept_sparse=["csr", "csc", "coo"], dtype=[np.float64, np.float32])
            check_non_negative(X, type(self).__name__)
        graph_tree = graph_to_tree(X, method=self.tree, root=self.root, forest=self.forest)
        tree = graph_tree.tree
        self.nodes_ = graph_tree.nodes[: len(graph_tree.nodes) - graph_tree.n_added]
        self.n_features_in_ = len(self.nodes_)
        self.order_, self.parents_ = tree.order, tree.parent
        self._index_ = NodeIndex(self.nodes_)
        self._positions_ = tree.position[: len(self.nodes_)]  # of the graph's nodes
        planar = self.n_components == 2
        if planar:
            self.angles_ = placement = (uniform_angles if self.child_angles == "uniform" else subtree_angles)(tree)
        else:
            self.directions_ = placement = uniform_directions(tree, self.n_components)
        angle = smallest_angle(tree, placement)
        self.scale_ = self._chosen_scale(tree, angle)
        self.edge_lengths_ = self.scale_ * tree.length
        self._form_ = (planar_form if planar else spatial_form)(tree.parent, tree.starts, self.edge_lengths_, placement)
        shortest = self.edge_lengths_[1:].min(initial=np.inf)
        self.distortion_bound_ = guaranteed_distortion(angle, shortest) if len(tree.parent) > 1 else 0.0
        self._form_coordinates()
        return self

    def fit_transform(self, X, y=None):
        """Embed a graph; its coordinates.

        Parameters
        ----------
        X : graph
            As for `fit`.
        y : Ignored
            Present for API consistency.

        Returns
        -------
        embedding : ndarray of shape (n_nodes, n_components)
            `embedding_`.
        """
        return self.fit(X).embedding_

    @property
    def embedding_(self):
        """Coordinates in the ball, with the root at its centre."""
        check_is_fitted(self)
        if self._coordinates_ is None:
            msg = (
                f"embedding_ is not there: at scale {self.scale_:.4g} nodes are up to {self._reach_:.4g} from the root "
                f"and float64 coordinates end at {FLOAT64_REACH}. Use distances_from, distance, kneighbors or "
                "recentered, which need none, or scale='auto'"
            )
            raise AttributeError(msg)
        return self._coordinates_

    def distances_from(self, node):
        """Exact distances of all nodes from one, or from each of several.

        Parameters
        ----------
        node : label or array-like of labels of shape (n_sources,)
            Among `nodes_`.

        Returns
        -------
        distances : ndarray of shape (n_nodes,) or (n_sources, n_nodes)
            In the order of `nodes_`. O(n_nodes) each, times r in r > 2 dimensions.

        Raises
        ------
        ValueError
            For an unknown node.
        """
        check_is_fitted(self)
        return rows_from(self._form_, self._positions_[self._index_.find(node)])[..., self._positions_]

    def distance(self, i, j):
        """Exact distances of pairs of nodes.

        Parameters
        ----------
        i, j : label or array-like of labels
            Nodes of one shape, or of shapes that broadcast.

        Returns
        -------
        distance : float or ndarray
            Of that shape; O(depth) each.

        Raises
        ------
        ValueError
            For unknown nodes, and shapes that do not fit.
        """
        check_is_fitted(self)
        a, b = np.broadcast_arrays(self._positions_[self._index_.find(i)], self._positions_[self._index_.find(j)])
        distances = pair_distances(self._form_, a.ravel(), b.ravel()).reshape(a.shape)
        return distances if distances.ndim else float(distances)

    def kneighbors(self, nodes=None, n_neighbors=5, *, n_jobs=None):
        """The nearest other nodes of some nodes.

        Parameters
        ----------
        nodes : array-like of labels of shape (n_queries,), default=None
            None is all.
        n_neighbors : int, default=5
            How many, without the node itself.
        n_jobs : int, default=None
            Threads; the answer is the same for any number.

        Returns
        -------
        distances : ndarray of shape (n_queries, n_neighbors)
            Ascending.
        indices : ndarray of shape (n_queries, n_neighbors)
            Indices to `nodes_`. O(n_nodes) for each query.

        Raises
        ------
        ValueError
            For unknown nodes, and more neighbours than there are other nodes.
        """
        check_is_fitted(self)
        check_scalar(n_neighbors, "n_neighbors", Integral, min_val=1)
        n = len(self.nodes_)
        if n_neighbors >= n:
            msg = f"n_neighbors must be at most {n - 1}, the number of other nodes, got {n_neighbors}"
            raise ValueError(msg)
        queries = self._positions_ if nodes is None else self._positions_[np.atleast_1d(self._index_.find(nodes))]
        n_added = len(self.order_) - n
        positions, distances = nearest(self._form_, queries, n_neighbors + n_added, n_jobs)
        indices = self.order_[positions]
        kept = np.argsort(indices >= n, axis=1, kind="stable")[:, :n_neighbors]
        return np.take_along_axis(distances, kept, axis=1), np.take_along_axis(indices, kept, axis=1)

    def recentered(self, node):
        """Coordinates with a node at the centre of the ball.

        Parameters
        ----------
        node : label
            One of `nodes_`.

        Returns
        -------
        points : ndarray of shape (n_nodes, n_components)
            At any scale; nodes that are farther than 37 from the centre are on the sphere. O(n_nodes) in the plane,
            else O(depth r) for each node.

        Raises
        ------
        ValueError
            For an unknown node.
        """
        check_is_fitted(self)
        index = self._index_.find(node)
        if index.ndim:
            msg = f"node must be one label, got {len(index)}"
            raise ValueError(msg)
        return recentered(self._form_, self._positions_[index])[self._positions_]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = True
        tags.input_tags.positive_only = True
        tags.input_tags.sparse = True
        return tags

    @property
    def _n_features_out(self):
        return self.n_components

    def _check_parameters(self):
        check_scalar(self.n_components, "n_components", Integral, min_val=2)
        check_choice(self.child_angles, "child_angles", ("uniform", "subtree"))
        if self.child_angles != "uniform" and self.n_components != 2:
            msg = f"child_angles='subtree' must come with n_components=2, got {self.n_components}"
            raise ValueError(msg)
        for value, name in ((self.max_distortion, "max_distortion"), (self.scale, "scale")):
            if isinstance(value, str) and name == "scale":
                check_choice(value, name, SCALES)
                continue
            check_scalar(value, name, Real)
            if not 0 < value < np.inf:
                msg = f"{name} must be in (0, inf), got {value}"
                raise ValueError(msg)

    def _chosen_scale(self, tree, angle):
        if not isinstance(self.scale, str):
            return float(self.scale)
        if len(tree.parent) == 1:
            return 1.0
        shortest = tree.length[1:].min()
        if self.scale == "paper":
            degrees = np.diff(tree.starts) + (tree.parent >= 0)
            return float(paper_scale(degrees.max(), self.max_distortion, shortest))
        tight = float(tight_scale(angle, self.max_distortion, shortest))
        return min(tight, float(representable_scale(tree))) if self.scale == "auto" else tight

    def _form_coordinates(self):
        """Coordinates, where float64 holds them, and the count of pairs that share theirs; warnings of either."""
        self._reach_ = float(rows_from(self._form_, 0).max())
        self._coordinates_, self.n_collapsed_ = None, 0
        if self._reach_ > FLOAT64_REACH * (1 + 1e-9):
            warnings.warn(
                f"at scale {self.scale_:.4g} float64 cannot hold coordinates of all nodes: embedding_ is left out, "
                "distances are exact",
                UserWarning,
                stacklevel=3,
            )
            return
        self._coordinates_ = recentered(self._form_, 0)[self._positions_]
        _, counts = np.unique(self._coordinates_, axis=0, return_counts=True)
        self.n_collapsed_ = int((counts * (counts - 1) // 2).sum())
        if self.n_collapsed_:
            warnings.warn(
                f"{self.n_collapsed_} pairs of nodes share their coordinates: raise scale or n_components, or use "
                "distances_from, which tells them apart",
                UserWarning,
                stacklevel=3,
            )
