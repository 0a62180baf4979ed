"""The test suite over Python and dependency versions: `pip install nox`, then `nox`.

Sessions are named tests-PYTHON(VERSIONS), such as `nox -s "tests-3.10(oldest)"`. A Python that is
not installed is skipped.
"""

import nox

PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
# What setup.cfg allows: the first release of each lower bound that has wheels for the Python.
OLDEST = {
    "3.10": ["spacy==3.8.2", "thinc==8.3.0", "spacy-transformers==1.3.8", "torch==2.6.0"],
    "3.11": ["spacy==3.8.2", "thinc==8.3.0", "spacy-transformers==1.3.8", "torch==2.6.0"],
    "3.12": ["spacy==3.8.2", "thinc==8.3.0", "spacy-transformers==1.3.8", "torch==2.6.0"],
    "3.13": ["spacy==3.8.7", "thinc==8.3.6", "torch==2.6.0"],
}


@nox.session(python=PYTHONS)
@nox.parametrize("versions", ["oldest", "tested", "newest"])
def tests(session: nox.Session, versions: str) -> None:
    """Run the suite on the oldest versions, on those of constraints.txt, or on the newest."""
    pins = {"oldest": OLDEST[session.python], "tested": ["-c", "constraints.txt"], "newest": []}
    session.install(*pins[versions], ".[dev,transformers]")
    session.run("pytest", "-q", *session.posargs)


@nox.session(python="3.11")
def curated(session: nox.Session) -> None:
    """Run the tests of curated transformers, which need an older numpy."""
    session.install(".[dev,curated]")
    session.run(
        "pytest", "-q", "-k", "curated", "tests/pipeline", "tests/models", "tests/test_configs.py"
    )


@nox.session
def audit(session: nox.Session) -> None:
    """Look the tested versions up in databases of vulnerabilities."""
    session.install("pip-audit")
    session.run("pip-audit", "-r", "constraints.txt", "--no-deps", "--disable-pip")
