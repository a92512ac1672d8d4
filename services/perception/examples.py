"""What do a request to perception and its answer look like? For the API document."""

from editrefiner.contracts import (
    BackendInfo,
    ChangeScope,
    ChangeSummary,
    EditKind,
    FlawKind,
    FlawRegion,
    ImageRef,
    PerceiveRequest,
    Perception,
    Registration,
    Thresholds,
)

# Two pixels by two, so that the request can be sent as it stands.
_SOURCE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEklEQVR4XmM6YaNxwkaD"
    "iQEMABoUAl0IftpCAAAAAElFTkSuQmCC"
)
_EDITED = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEklEQVR4XmO65GZ0yc2I"
    "iQEMAByKApkoPPwpAAAAAElFTkSuQmCC"
)

REQUEST = PerceiveRequest(source=_SOURCE, edited=_EDITED, instruction="Make the car red", max_regions=4)

ANSWER = Perception(
    artifact_map=ImageRef(sha256="1a" * 32, width=768, height=512),
    failure_map=ImageRef(sha256="2b" * 32, width=768, height=512),
    mask=ImageRef(sha256="3c" * 32, width=768, height=512),
    regions=(
        FlawRegion(
            id="r1",
            kind=FlawKind.ARTIFACT,
            bbox=(312, 88, 402, 190),
            area=6120,
            mean_saliency=0.61,
            peak_saliency=0.93,
            mask=ImageRef(sha256="4d" * 32, width=90, height=102),
        ),
    ),
    thresholds=Thresholds(artifact=0.5, editing_failure=0.5),
    registration=Registration(
        matrix=(1.0, 0.0, 0.4, 0.0, 1.0, -0.2),
        gain=(1.02, 1.02, 1.01),
        offset=(-1.5, -1.5, -1.0),
        residual=1.3,
    ),
    change=ChangeSummary(
        scope=ChangeScope.LOCAL,
        edit_kind=EditKind.RECOLOR,
        changed_fraction=0.14,
        intended_mask=ImageRef(sha256="6f" * 32, width=768, height=512),
    ),
    backend=BackendInfo(name="compact", version="1", digest="0b" * 32),
)
