"""Stage 3 of the reader: writes the trained network into the package.

    python scripts/training/export_reader.py WORK [--name reader]

WORK/NAME.pt becomes semsearch/reader/network.npz: float16, with the table of common words.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch

OUT = Path(__file__).resolve().parents[2] / "semsearch" / "reader" / "network.npz"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--name", default="reader")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    arrays = {k: v.numpy().astype(np.float16) for k, v in torch.load(args.work / f"{args.name}.pt").items()}
    words = np.load(args.work / "reader.npz")["common_words"].tolist()
    shapes = json.dumps({"words": words, "shapes": {k: v.shape for k, v in arrays.items()}}, ensure_ascii=False)
    # One array: opening sixty small ones takes longer than answering a question.
    flat = np.concatenate([v.reshape(-1) for v in arrays.values()])
    np.savez(args.out, head=np.frombuffer(shapes.encode("utf-8"), np.uint8), flat=flat)
    print(f"{args.out}: {args.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
