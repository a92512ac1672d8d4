"""Why a picture or a blob is refused: the artifact room's branch of the suite's error tree."""

from editrefiner.contracts import ProblemCode, ProblemError


class ImageUnreadableError(ProblemError):
    """The bytes claim to be a picture of an accepted format and cannot be decoded as one."""

    code = ProblemCode.IMAGE_UNREADABLE
    status = 422


class ImageTooLargeError(ProblemError):
    """The picture is over a declared limit: bytes, pixels, side, ratio, or work to decode."""

    code = ProblemCode.IMAGE_TOO_LARGE
    status = 413


class ImageUnsupportedError(ProblemError):
    """The bytes are not of an accepted format, or hold samples that have no 8-bit meaning."""

    code = ProblemCode.IMAGE_UNSUPPORTED
    status = 415


class ImageAnimatedError(ProblemError):
    """The picture has more frames or pages than are accepted."""

    code = ProblemCode.IMAGE_ANIMATED
    status = 422


class ArtifactNotFoundError(ProblemError):
    """No blob has this SHA-256."""

    code = ProblemCode.ARTIFACT_NOT_FOUND
    status = 404


class ArtifactCorruptError(ProblemError):
    """A stored blob no longer has its SHA-256; it has been removed, so what made it can run again."""

    code = ProblemCode.ARTIFACT_CORRUPT
    status = 500
    retryable = True


class ArtifactStoreUnavailableError(ProblemError):
    """The disk or the object store did not do what it was asked; the data may well be sound."""

    code = ProblemCode.DEPENDENCY_UNAVAILABLE
    status = 503
    retryable = True
