"""How much one prompt, its inputs and its output may be, and how long a render may take.

Every number is a setting; these are the defaults. What holds each: `analysis` the size and shape of a template,
`environment` the length of a range, `renderer` the output, `worker` time, memory and the life of a process.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one prompt. Bytes are of UTF-8; all texts of a prompt share `source_bytes` and `nodes`.

    `nesting` is the depth of tags and expressions; a bracket counts four, because the parser needs that much more of
    its stack for one. `chain` is the length of a flat row of operators (`a ~ b ~ c`, `a and b and c`) or of `elif`s.
    """

    source_bytes: int = 64 * 1024
    nodes: int = 5_000
    nesting: int = 100
    chain: int = 500
    input_depth: int = 32
    inputs_bytes: int = 1024 * 1024
    output_bytes: int = 1024 * 1024
    range: int = 10_000
    render_seconds: float = 0.2
    compile_seconds: float = 2.0
    queue_seconds: float = 1.0
    memory_bytes: int = 256 * 1024 * 1024
    renders_per_worker: int = 1_000
