"""A TFLite model as a function, in LiteRT: what a Pi runs, and what is measured before it is shipped.

runner = Runner(artifact.tflite)
runner(inputs)                     # [n, ...] to [n, k]
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeprint.errors import BadArtifact


class Runner:
    """A TFLite model as a function from inputs [n, ...] to outputs [n, k]: a row at a time, on one thread."""

    def __init__(self, tflite: bytes, *, plain: bool = False) -> None:
        """`plain` computes without XNNPACK, whose kernels round 8-bit numbers in another way.

        Raises BadArtifact where the bytes are no TFLite model.
        """
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        kernels = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES if plain else OpResolverType.AUTO
        try:
            self._interpreter = Interpreter(
                model_content=tflite, num_threads=1, experimental_op_resolver_type=kernels
            )
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise BadArtifact(f"{len(tflite)} bytes are no TFLite model: {error}") from error
        (source,) = self._interpreter.get_input_details()
        (sink,) = self._interpreter.get_output_details()
        self._source, self._sink = source["index"], sink["index"]
        self.input_shape = tuple(int(size) for size in source["shape"][1:])
        self.output_shape = tuple(int(size) for size in sink["shape"][1:])

    def __call__(self, inputs: NDArray) -> NDArray[np.float32]:
        """Outputs [n, k]. Raises BadArtifact where the rows have another shape than the model's input."""
        rows = np.ascontiguousarray(inputs, "f4")
        if rows.shape[1:] != self.input_shape:
            raise BadArtifact(f"rows of shape {rows.shape[1:]} given, the model takes {self.input_shape}")
        outputs = np.empty((len(rows), *self.output_shape), "f4")
        for i, row in enumerate(rows):
            outputs[i] = self.one(row)
        return outputs

    def one(self, row: NDArray[np.float32]) -> NDArray[np.float32]:
        """Output [k] of one input, which may lack dimensions of size 1."""
        self._interpreter.set_tensor(self._source, row.reshape(1, *self.input_shape))
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._sink)[0]
