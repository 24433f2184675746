"""The examples in the README and in the pages run, and print what the page says."""

import re
from pathlib import Path

import pytest
from scipy_doctest import DebugDTRunner, DTParser
from scipy_doctest.conftest import dt_config

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("docs/guide/*.md")])
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", [page for page in PAGES if BLOCK.search(page.read_text())], ids=lambda page: page.stem)
def test_page(page, tmp_path):
    """The blocks of a page share one namespace; a block with prompts is a doctest, any other is a script."""
    namespace = {"__name__": "__main__"}
    for match in BLOCK.finditer(page.read_text()):
        code, line = match[1], page.read_text()[: match.start(1)].count("\n")
        if ">>> " in code:
            example = DTParser(dt_config).get_doctest(code, namespace, page.name, str(page), line)
            DebugDTRunner(config=dt_config).run(example, clear_globs=False)
            namespace = example.globs
        else:
            script = tmp_path / f"line_{line}.py"  # a real file, because Numba caches kernels beside their source
            script.write_text(code)
            exec(compile(code, script, "exec"), namespace)  # noqa: S102 (our own pages)
