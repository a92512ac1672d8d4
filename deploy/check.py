"""Validates Dockerfiles, compose files and manifests, offline: `python -m deploy.check`."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
KUBERNETES_VERSIONS = ("1.32", "1.35")  # oldest and newest that are promised
COMPOSE = ("docker-compose.yml", "deploy/gpu.compose.yml")


def run(title: str, command: list[str], *, stdin: bytes | None = None) -> bytes:
    """Run one validator; its output is shown and the program ends when it finds fault."""
    done = subprocess.run(command, cwd=ROOT, input=stdin, capture_output=True, check=False)
    if done.returncode != 0:
        sys.stderr.buffer.write(done.stdout + done.stderr)
        sys.exit(f"deploy-check: {title} failed")
    print(f"deploy-check: {title} ok")
    return done.stdout


def rendered_base() -> bytes:
    """What Kubernetes would be given; where no kubectl is installed, the files one by one."""
    base = ROOT / "deploy/kustomize/base"
    if shutil.which("kubectl"):
        return run("kustomize render", ["kubectl", "kustomize", str(base)])
    print("deploy-check: kubectl is not installed: validating the manifests as written, not as rendered")
    files = sorted(file for file in base.glob("*.yaml") if file.name != "kustomization.yaml")
    return b"\n---\n".join(file.read_bytes() for file in files)


def main() -> None:
    """Run every validator."""
    dockerfiles = sorted(
        str(file.relative_to(ROOT)) for file in ROOT.glob("*/**/Dockerfile") if ".venv" not in file.parts
    )
    run(f"{len(dockerfiles)} Dockerfiles", [str(BIN / "hadolint"), *dockerfiles])
    compose = str(BIN / "docker-compose")
    run("compose, CPU", [compose, "-f", COMPOSE[0], "config", "--quiet"])
    run("compose, GPU", [compose, "-f", COMPOSE[0], "-f", COMPOSE[1], "config", "--quiet"])
    manifests = rendered_base()
    for version in KUBERNETES_VERSIONS:
        command = [str(BIN / "kubernetes-validate"), "-k", version, "--strict", "--quiet", "/dev/stdin"]
        run(f"manifests against Kubernetes {version}", command, stdin=manifests)


if __name__ == "__main__":
    main()
