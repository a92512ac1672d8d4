"""How are the small networks run that ship with the suite? ONNX Runtime, on files of pinned digests."""

import hashlib
from pathlib import Path

import onnxruntime


class WeightsChangedError(RuntimeError):
    """A weights file is missing or is not the one that was released."""


def pinned(path: Path, digest: str) -> bytes:
    """What a file holds, which has to have that SHA-256.

    Raises:
        WeightsChangedError: it cannot be read or is another one.
    """
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise WeightsChangedError(
            f"{path} cannot be read: {exc.strerror}. Install editrefiner anew."
        ) from exc
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise WeightsChangedError(f"{path} has SHA-256 {found}, not {digest}. Install editrefiner anew.")
    return content


def session(network: bytes, threads: int) -> onnxruntime.InferenceSession:
    """A network, ready to be run on the CPU; its threads sleep while there is nothing to do."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
