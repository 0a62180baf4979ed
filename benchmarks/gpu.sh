#!/usr/bin/env bash
# What a GPU does with the package, in one JSON file: OUT/gpu.json.
#
#   benchmarks/gpu.sh OUT [DATA] [ENCODER] [options of gpu.py]
#
# DATA: folder with genia/train.jsonl.gz and genia/dev.jsonl.gz; "" for none.
# ENCODER: folder of a small BERT with its tokenizer, such as MiniLM; "" for none.
# PYTHON (environment): the interpreter, python3 if not set. Nothing is installed into it.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
out=$(mkdir -p "${1:?OUT}" && cd "$1" && pwd)
data=${2:-} encoder=${3:-} python=${PYTHON:-python3}
shift $(($# < 3 ? $# : 3))
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
export HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=false PYTHONUNBUFFERED=1

has() { (cd "$made" && "$python" -c "$1") >/dev/null 2>&1; }

needed="torch, spacy, spacy_transformers"
# Without CuPy Thinc, and so the component, cannot use a GPU; torch comes first, with the
# libraries that CuPy looks for.
[[ " $* " == *" --device cpu "* ]] || needed+=", cupy.cublas"
if ! has "import $needed"; then
  pip=(-m pip --quiet --disable-pip-version-check)
  # A small package tells whether there is an index at all.
  if timeout 30 "$python" "${pip[@]}" download --retries 0 --no-deps -d "$made" wasabi &&
    "$python" -m venv "$made/venv" && "$made/venv/bin/python" "${pip[@]}" install "$root[transformers]"
  then
    python=$made/venv/bin/python
    cuda=$("$python" -c "import torch; print((torch.version.cuda or '12').split('.')[0])")
    "$python" "${pip[@]}" install "cupy-cuda${cuda}x"
  else
    echo "gpu.sh: cannot install what is missing; parts that need it will not run" >&2
  fi
fi
# The package itself, without what it needs: its version and entry points are read from there.
if ! has "import spacy_globalpointer"; then
  mkdir "$made/source"
  cp -r "$root"/{spacy_globalpointer,pyproject.toml,setup.cfg,README.md,LICENSE} "$made/source"
  "$python" -m pip install --quiet --no-index --no-deps --no-build-isolation \
    --target "$made/own" "$made/source"
  export PYTHONPATH=$made/own${PYTHONPATH:+:$PYTHONPATH}
fi
cd "$root"
"$python" -m benchmarks.gpu --output "$out/gpu.json" --data "$data" --encoder "$encoder" "$@"
