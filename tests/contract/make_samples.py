"""Keep the bytes of each event type as they are written today, for ever.

``python -m tests.contract.make_samples`` writes what is missing: the bytes of an
example and, beside it, what they say. A sample that is there is never written again:
events that were stored have to be read by every later program.
"""

import json
from pathlib import Path

from domain.catalogue import event_types
from infra import codec
from infra.contract import RENAMED, fields_of, published
from tests.contract.examples import example_of, plain

SAMPLES = Path(__file__).parent / "samples"


def main() -> None:
    """Write the sample of each event type that has none in its present version."""
    SAMPLES.mkdir(exist_ok=True)
    for topic, event in event_types().items():
        version = 1 + sum(stem.startswith(f"{topic}.v") for stem in published())
        target = SAMPLES / f"{topic}.v{version}.bin"
        if target.exists():
            continue
        example = example_of(event)
        said = {RENAMED.get(name, name): plain(getattr(example, name)) for name in fields_of(event)}
        with target.open("xb") as file:
            file.write(codec.encode(example))
        target.with_suffix(".json").write_text(json.dumps(said, indent=1) + "\n")
        print(f"wrote {target.name}")  # noqa: T201 - this is its output


if __name__ == "__main__":
    main()
