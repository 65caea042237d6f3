"""Stage 4 of the bundled encoder: writes weights and tokenizer into the folder that the package ships.

    python scripts/training/export_encoder.py WORK [--name encoder] [--out semsearch/model]

Fusion weights in the folder's semsearch.json are kept.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from static_model import write_static_model
from tokenizers import Tokenizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--name", default="encoder")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[2] / "semsearch" / "model")
    args = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(args.work / "tokenizer.json"))
    card = args.out / "semsearch.json"
    settings = json.loads(card.read_text(encoding="utf-8")) if card.is_file() else {}
    settings.pop("sha256", None)
    write_static_model(args.out, tokenizer, np.load(args.work / f"{args.name}.npy"), settings=settings)
    size = sum(f.stat().st_size for f in args.out.rglob("*") if f.is_file())
    print(f"{args.out}: {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
